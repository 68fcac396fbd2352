// SPDX-License-Identifier: Apache-2.0

package native

import "testing"

func TestBothHalvesSeeTheSameLayout(t *testing.T) {
	if err := CompareLayouts(); err != nil {
		t.Fatal(err)
	}
}
