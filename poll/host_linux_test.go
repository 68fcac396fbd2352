// SPDX-License-Identifier: Apache-2.0

package poll

import (
	"reflect"
	"testing"

	"golang.org/x/sys/unix"
)

func wanted(fd int, events uint16) HostInterest { return HostInterest{FD: int32(fd), Events: events} }

func mustList(t *testing.T, h *Host, want ...HostInterest) {
	t.Helper()
	var out [8]HostInterest
	got := out[:h.List(out[:])]
	want = append([]HostInterest{wanted(h.Waker(), Readable)}, want...)
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("listed %v, want %v", got, want)
	}
}

func TestTheListIsWhatIsWaitedFor(t *testing.T) {
	h := newHost(t)
	reader, writer := pipe(t)
	mustList(t, h)
	must(t, h.Arm(reader, 1, Readable))
	must(t, h.Arm(writer, 2, Writable|Error|1<<31)) // a bit that is none is not listed
	mustList(t, h, wanted(reader, Readable), wanted(writer, Writable))

	h.Deliver(writer, Writable)
	mustList(t, h, wanted(reader, Readable))
	mustReport(t, wait(h, 0), Event{2, Writable})
	h.Disarm(reader)
	mustList(t, h)
	must(t, h.Arm(reader, 3, Error)) // and nothing else
	mustList(t, h, wanted(reader, 0))
	h.Deliver(reader, Hangup)
	mustReport(t, wait(h, 0), Event{3, Hangup})
}

func TestAListThatHasNoRoomIsCounted(t *testing.T) {
	h := newHost(t)
	reader, writer := pipe(t)
	must(t, h.Arm(reader, 1, Readable))
	must(t, h.Arm(writer, 2, Writable))
	for room := range 4 {
		out := make([]HostInterest, room)
		if n := h.List(out); n != 3 {
			t.Fatalf("with room for %d: %d listed, want 3", room, n)
		}
		if room > 0 && out[0] != wanted(h.Waker(), Readable) {
			t.Fatalf("listed %v first, want the wake descriptor", out[0])
		}
	}
}

func TestAChangeAfterListEndsThePoll(t *testing.T) {
	reader, _ := pipe(t)
	edge, _ := pipe(t)
	for name, change := range map[string]func(h *Host) error{
		"Arm":        func(h *Host) error { return h.Arm(reader, 1, Readable) },
		"Disarm":     func(h *Host) error { h.Disarm(edge); return nil },
		"AddEdge":    func(h *Host) error { return h.AddEdge(reader, 1) },
		"AddSource":  func(h *Host) error { return h.AddSource(reader, 1) },
		"RemoveEdge": func(h *Host) error { return h.RemoveEdge(edge) },
		"Drained":    func(h *Host) error { h.Drained(edge, Readable); return nil },
		"SetTimer":   func(h *Host) error { return h.SetTimer(1000) },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			must(t, h.SetTimer(2000))
			if name == "Disarm" {
				must(t, h.Arm(edge, 1, Readable))
			} else {
				must(t, h.AddEdge(edge, 1))
				h.Deliver(edge, Readable)
				wait(h, 0)
			}
			if found := pollList(t, h, 0); found != nil {
				t.Fatalf("found %v before the change", found)
			}

			var list [8]HostInterest
			n := h.List(list[:])
			must(t, change(h))
			if found := pollAndDeliver(t, h, list[:n], soon); !reflect.DeepEqual(found, []int{h.Waker()}) {
				t.Fatalf("found %v, want the wake descriptor", found)
			}
			if found := pollList(t, h, 0); found != nil {
				t.Fatalf("found %v after the wake descriptor was delivered", found)
			}
		})
	}
}

func TestAChangeBetweenPollAndListEndsNothing(t *testing.T) {
	h := newHost(t)
	reader, writer := pipe(t)
	edge, _ := pipe(t)
	must(t, h.AddEdge(edge, 1))
	for name, end := range map[string]func(){
		"Wait":    func() { h.Wait(make([]Event, 1), 0) },
		"Deliver": func() { h.Deliver(writer, Writable) },
	} {
		mustList(t, h, wanted(edge, requestable))
		end()
		must(t, h.Arm(reader, 2, Readable))
		h.Disarm(reader)
		if found := pollList(t, h, 0); found != nil {
			t.Fatalf("%s: found %v", name, found)
		}
	}
	h.Wait(make([]Event, 1), 0)
	must(t, h.SetTimer(500))
	mustList(t, h, wanted(edge, requestable))
	h.Drained(edge, Readable) // listed already
	must(t, h.SetTimer(800))  // later than the loop knows
	if found := pollList(t, h, 0); found != nil {
		t.Fatalf("found %v", found)
	}
}

func TestAnEdgesBitIsListedUntilReportedAndAgainWhenDrained(t *testing.T) {
	h := newHost(t)
	a, _ := pair(t)
	must(t, h.AddEdge(a, 1))
	mustList(t, h, wanted(a, requestable))
	h.Deliver(a, Readable|Writable)
	mustReport(t, wait(h, 0), Event{1, Readable | Writable})
	mustList(t, h, wanted(a, Priority|ReadHangup))
	h.Drained(a, Readable)
	mustList(t, h, wanted(a, Readable|Priority|ReadHangup))

	h.Deliver(a, Error) // would be found by every poll
	mustReport(t, wait(h, 0), Event{1, Error})
	mustList(t, h)
	h.Drained(a, Readable)
	mustList(t, h, wanted(a, Readable))
}

func TestWhatWasDeliveredForARemovedDescriptorIsDropped(t *testing.T) {
	h := newHost(t)
	first, second := pair(t)
	must(t, h.AddEdge(first, 1))
	must(t, h.Arm(second, 2, Readable))
	h.Deliver(first, Readable)
	h.Deliver(second, Readable)
	must(t, h.RemoveEdge(first))
	h.Disarm(second)
	mustReport(t, wait(h, 0))

	h.Deliver(first, Readable)
	h.Deliver(1<<20, Readable)
	h.Deliver(-1, Readable)
	must(t, h.Arm(first, 3, Readable))
	h.Deliver(first, Writable) // nobody asked for it
	mustReport(t, wait(h, 0))
	h.Deliver(first, Readable)
	mustReport(t, wait(h, 0), Event{3, Readable})
}

func TestReportsComeInTheOrderOfDelivery(t *testing.T) {
	h := newHost(t)
	first, second := pair(t)
	must(t, h.Arm(first, 1, Readable))
	must(t, h.Arm(second, 2, Readable))
	h.Deliver(second, Readable)
	h.Deliver(first, Readable)
	h.Disarm(second)
	must(t, h.Arm(second, 3, Writable))
	h.Deliver(second, Writable)
	mustReport(t, wait(h, 0), Event{3, Writable}, Event{1, Readable})
}

func TestClosingADescriptorInTheListIsAnError(t *testing.T) {
	h := newHost(t)
	reader, _ := pipe(t)
	must(t, h.Arm(reader, 1, Readable))
	must(t, unix.Close(reader))
	pollList(t, h, soon)
	mustReport(t, wait(h, 0), Event{1, Error})
	mustList(t, h) // or every further poll would end at once
}

func TestAHostsHotPathsAllocateNothing(t *testing.T) {
	h := newHost(t)
	_, writer := pipe(t)
	out := make([]Event, 8)
	list := make([]HostInterest, 8)
	if n := testing.AllocsPerRun(100, func() {
		_ = h.Arm(writer, 1, Writable)
		h.List(list)
		h.Deliver(writer, Writable)
		h.Deliver(h.Waker(), Readable)
		h.Wait(out, 0)
	}); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}
