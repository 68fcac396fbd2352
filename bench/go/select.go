// SPDX-License-Identifier: Apache-2.0

// Command select is Go's select beside cothread_wait: benchmark w of bench/c/measure.h, on one thread.
package main

import (
	"fmt"
	"os"
	"runtime"
	"time"
)

const most = 64

func choicesAmong(channels int) int {
	if channels > 4 {
		return 20000
	}
	return 200000
}

func main() {
	if len(os.Args) < 2 || os.Args[1] != "w" {
		fmt.Println("w")
		return
	}
	runtime.GOMAXPROCS(1)
	for _, count := range []int{1, 4, most} {
		var channels [most]chan int64
		for i := range channels {
			channels[i] = make(chan int64)
		}
		answers := make(chan int64)
		choose := func() int64 { return choose64(&channels) }
		switch count {
		case 1:
			choose = func() int64 { return <-channels[0] } // what the compiler makes of a select with one case
		case 4:
			choose = func() int64 {
				select {
				case v := <-channels[0]:
					return v
				case v := <-channels[1]:
					return v
				case v := <-channels[2]:
					return v
				case v := <-channels[3]:
					return v
				}
			}
		}
		go func() {
			for range choicesAmong(count) {
				answers <- choose()
			}
		}()
		start := time.Now()
		for range choicesAmong(count) {
			channels[count/2] <- 1
			<-answers
		}
		fmt.Printf("w_choose_%d go %.2f ns/round\n", count, float64(time.Since(start).Nanoseconds())/float64(choicesAmong(count)))
	}
}

// choose64 is the statement written out, which is faster than reflect.Select.
func choose64(c *[most]chan int64) (v int64) {
	select {
	case v = <-c[0]:
	case v = <-c[1]:
	case v = <-c[2]:
	case v = <-c[3]:
	case v = <-c[4]:
	case v = <-c[5]:
	case v = <-c[6]:
	case v = <-c[7]:
	case v = <-c[8]:
	case v = <-c[9]:
	case v = <-c[10]:
	case v = <-c[11]:
	case v = <-c[12]:
	case v = <-c[13]:
	case v = <-c[14]:
	case v = <-c[15]:
	case v = <-c[16]:
	case v = <-c[17]:
	case v = <-c[18]:
	case v = <-c[19]:
	case v = <-c[20]:
	case v = <-c[21]:
	case v = <-c[22]:
	case v = <-c[23]:
	case v = <-c[24]:
	case v = <-c[25]:
	case v = <-c[26]:
	case v = <-c[27]:
	case v = <-c[28]:
	case v = <-c[29]:
	case v = <-c[30]:
	case v = <-c[31]:
	case v = <-c[32]:
	case v = <-c[33]:
	case v = <-c[34]:
	case v = <-c[35]:
	case v = <-c[36]:
	case v = <-c[37]:
	case v = <-c[38]:
	case v = <-c[39]:
	case v = <-c[40]:
	case v = <-c[41]:
	case v = <-c[42]:
	case v = <-c[43]:
	case v = <-c[44]:
	case v = <-c[45]:
	case v = <-c[46]:
	case v = <-c[47]:
	case v = <-c[48]:
	case v = <-c[49]:
	case v = <-c[50]:
	case v = <-c[51]:
	case v = <-c[52]:
	case v = <-c[53]:
	case v = <-c[54]:
	case v = <-c[55]:
	case v = <-c[56]:
	case v = <-c[57]:
	case v = <-c[58]:
	case v = <-c[59]:
	case v = <-c[60]:
	case v = <-c[61]:
	case v = <-c[62]:
	case v = <-c[63]:
	}
	return v
}
