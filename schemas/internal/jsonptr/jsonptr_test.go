package jsonptr

import (
	"encoding/json"
	"fmt"
	"testing"
)

func TestLookup(t *testing.T) {
	t.Parallel()
	var doc any
	if err := json.Unmarshal([]byte(`{"":1,"a/b":{"m~n":[2,3]},"~1":4}`), &doc); err != nil {
		t.Fatal(err)
	}
	for pointer, want := range map[string]string{
		"/": "1", "/a~1b/m~0n/1": "3", "/~01": "4", "/a~1b/m~0n/01": "", "/a~1b/m~0n/-1": "", "/a~1b/m~0n/2": "", "/a~1b/m~0n/0/x": "",
		"/none": "", "a~1b": "", "/a~1b/": "",
	} {
		got, ok := Lookup(doc, pointer)
		if ok != (want != "") || ok && fmt.Sprint(got) != want {
			t.Errorf("%s: got %v, %v, want %q", pointer, got, ok, want)
		}
	}
	if got, ok := Lookup(doc, ""); !ok || fmt.Sprint(got) != fmt.Sprint(doc) {
		t.Errorf("the document: got %v, %v", got, ok)
	}
	for _, name := range []string{"a/b", "~1", "~0~", ""} {
		if got := Unescape(Escape(name)); got != name {
			t.Errorf("%q becomes %q", name, got)
		}
	}
}
