package verifiers

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestBatchSplit(t *testing.T) {
	t.Parallel()
	const form = "application/x-www-form-urlencoded"
	for _, tt := range []struct {
		name  string
		batch Batch
		media string
		body  string
		want  []string // nil: not a batch
		err   error
	}{
		{name: "bytes", body: " [ {\"a\" : 1 },\t{\"b\":[1 , 2]}\n]\r\n", want: []string{`{"a" : 1 }`, `{"b":[1 , 2]}`}},
		{name: "any values", body: `["a",null,1.50,[],{},true]`, want: []string{`"a"`, `null`, `1.50`, `[]`, `{}`, `true`}},
		{name: "empty", body: `[ ]`, want: []string{}},
		{name: "no array", body: `{"a":[1]}`},
		{name: "scalar", body: `3`},
		{name: "inside", batch: Batch{Elements: "/a/items"}, body: `{"a":{"n":[9],"items":[1,[2]]},"items":[3]}`, want: []string{"1", "[2]"}},
		{name: "inside an array", batch: Batch{Elements: "/0/items"}, body: `[{"items":[1,2]},{"items":[3]}]`, want: []string{"1", "2"}},
		{name: "missing", batch: Batch{Elements: "/a/items"}, body: `{"a":{}}`},
		{name: "not an array", batch: Batch{Elements: "/a"}, body: `{"a":{"0":1}}`},
		{name: "null", batch: Batch{Elements: "/a"}, body: `{"a":null}`},
		{name: "last counts", batch: Batch{Elements: "/a"}, body: `{"a":[1,2,3],"a":[4]}`, want: []string{"4"}},
		{name: "last is empty", batch: Batch{Elements: "/a"}, body: `{"a":[1,2,3],"a":[]}`, want: []string{}},
		{name: "last is none", batch: Batch{Elements: "/a"}, body: `{"a":[1,2,3],"a":{}}`},
		{name: "parent twice", batch: Batch{Elements: "/a/b"}, body: `{"a":{"b":[1]},"a":{"c":2}}`},
		{name: "form", batch: Batch{In: Form("events")}, media: form, body: "x=1&events=" + url.QueryEscape(`[{"id": 1},{"id":2}]`), want: []string{`{"id": 1}`, `{"id":2}`}},
		{name: "form without", batch: Batch{In: Form("events")}, media: form, body: "x=1"},
		{name: "form twice", batch: Batch{In: Form("events")}, media: form, body: "events=1&events=2", err: ErrMalformed},
		{name: "form with another", batch: Batch{In: Form("events")}, media: form, body: "events=x", err: ErrMalformed},
		{name: "not JSON by its type", media: form, body: `[1]`},
		{name: "no body", body: ""},
		{name: "cut", body: `[1,2`, err: ErrMalformed},
		{name: "not JSON after the array", batch: Batch{Elements: "/a"}, body: `{"a":[1],"b":x}`, err: ErrMalformed},
		{name: "more", body: `[1] [2]`, err: ErrMalformed},
		{name: "not UTF-8", body: "[\"\xff\"]", err: ErrMalformed},
		{name: "most", body: "[" + strings.Repeat("1,", MaxElements-1) + "1]", want: slices.Repeat([]string{"1"}, MaxElements)},
		{name: "too many", body: "[" + strings.Repeat("1,", MaxElements) + "1]", err: ErrTooMany},
		{name: "too many, then fewer", batch: Batch{Elements: "/a"}, body: `{"a":[` + strings.Repeat("1,", MaxElements) + `1],"a":[2]}`, want: []string{"2"}},
		{name: "one of several", batch: Batch{Elements: "/a", Or: []string{"/b", "/c"}}, body: `{"c":[1,2]}`, want: []string{"1", "2"}},
		{name: "an empty one of several", batch: Batch{Elements: "/a", Or: []string{"/b"}}, body: `{"b":[]}`, want: []string{}},
		{name: "several", batch: Batch{Elements: "/a", Or: []string{"/b"}}, body: `{"a":[1],"b":[2]}`},
		{name: "several, one of them no array", batch: Batch{Elements: "/a", Or: []string{"/b"}}, body: `{"a":[1],"b":2}`, want: []string{"1"}},
		{name: "none of several", batch: Batch{Elements: "/a", Or: []string{"/b"}}, body: `{"d":[1]}`},
		{name: "too many in one of several", batch: Batch{Elements: "/a", Or: []string{"/b"}}, body: `{"b":[` + strings.Repeat("1,", MaxElements) + `1]}`, err: ErrTooMany},
		{name: "no pointer of several", batch: Batch{Elements: "/a", Or: []string{"b"}}, body: `{}`, err: errAny},
		{name: "no pointer", batch: Batch{Elements: "a"}, body: `[]`, err: errAny},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := &Request{Method: "POST", URL: &url.URL{Path: "/p"}, Header: http.Header{"X-A": {"b"}}, Body: []byte(tt.body)}
			if tt.media != "" {
				r.Header.Set("Content-Type", tt.media)
			}
			e, err := tt.batch.Split(r)
			if !errors.Is(err, tt.err) && (!errors.Is(tt.err, errAny) || err == nil) {
				t.Fatalf("got %v, want %v", err, tt.err)
			}
			if (e != nil) != (tt.want != nil) {
				t.Fatalf("got %v, want %q", e, tt.want)
			}
			if e == nil {
				return
			}
			if e.Len() != len(tt.want) {
				t.Fatalf("got %d elements, want %d", e.Len(), len(tt.want))
			}
			for i, want := range tt.want {
				got := e.Request(i)
				if string(got.Body) != want || got.Method != "POST" || got.URL != r.URL || got.Header.Get("X-A") != "b" || got.media() != mediaJSON {
					t.Fatalf("%d: got %q %v, want %q", i, got.Body, got, want)
				}
				if tt.batch.In.IsZero() && cap(got.Body) != len(got.Body) {
					t.Fatalf("%d: its buffer reaches into the next one", i)
				}
			}
			if r.Header.Get("Content-Type") != tt.media {
				t.Error("the request was changed")
			}
		})
	}
}

var errAny = errors.New("any error")

// TestElementsAreLookedUp: sources begin at the element.
func TestElementsAreLookedUp(t *testing.T) {
	t.Parallel()
	r := &Request{Header: http.Header{"Content-Type": {"text/plain"}, "X-A": {"h"}}, Body: []byte(`[{"id":"a"},{"id":7},{"id":null},{"id":{}},5]`)}
	e, err := new(Batch).Split(r)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"a", "7", "missing", "malformed", "missing"} {
		req := e.Request(i)
		got, err := JSON("/id").Lookup(req)
		if err != nil {
			got = Reason(err)
		}
		if got != want {
			t.Errorf("%d: got %q, want %q", i, got, want)
		}
		if h, err := Header("X-A").Lookup(req); h != "h" || err != nil {
			t.Errorf("%d: got %q, %v", i, h, err)
		}
	}
}

func FuzzBatchSplit(f *testing.F) {
	for _, text := range texts {
		f.Add([]byte(text), "")
		f.Add([]byte(text), "/a")
	}
	f.Add([]byte(`{"a":[{"b":[1]}],"a":[{"b":[2,3]}]}`), "/a/0/b")
	f.Fuzz(func(t *testing.T, body []byte, pointer string) {
		if pointer != "" && !validPointer(pointer) {
			return
		}
		doc, docErr := decodeJSON(body)
		e, err := (&Batch{Elements: pointer}).Split(&Request{Body: body})
		if len(body) == 0 {
			if e != nil || err != nil {
				t.Fatalf("got %v, %v for nothing", e, err)
			}
			return
		}
		if (err == nil) != (docErr == nil) && !errors.Is(err, ErrTooMany) {
			t.Fatalf("got %v, encoding/json says %v", err, docErr)
		}
		if err != nil {
			return
		}
		list, isList := reach(doc, pointer).([]any)
		if isList != (e != nil) || e != nil && e.Len() != len(list) {
			t.Fatalf("got %v, want %v", e, list)
		}
		for i, want := range list {
			got, err := decodeJSON(e.Request(i).Body)
			if err != nil {
				t.Fatal(err)
			}
			a, _ := json.Marshal(got)
			if b, _ := json.Marshal(want); string(a) != string(b) {
				t.Fatalf("%d: got %s, want %s", i, a, b)
			}
		}
	})
}

func reach(doc any, pointer string) any {
	for pointer != "" {
		name, rest, more := strings.Cut(pointer[1:], "/")
		pointer = ""
		if more {
			pointer = "/" + rest
		}
		name = strings.ReplaceAll(strings.ReplaceAll(name, "~1", "/"), "~0", "~")
		switch v := doc.(type) {
		case map[string]any:
			doc = v[name]
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || strconv.Itoa(i) != name || i < 0 || i >= len(v) {
				return nil
			}
			doc = v[i]
		default:
			return nil
		}
	}
	return doc
}

func BenchmarkBatchSplit(b *testing.B) {
	body := []byte("[" + strings.Repeat(`{"sg_event_id":"0123456789abcdef","event":"delivered","timestamp":1700000000,"email":"a@example.com"},`, 999) + "{}]")
	r := &Request{Body: body}
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if e, err := new(Batch).Split(r); err != nil || e.Len() != 1000 {
			b.Fatal(err)
		}
	}
}
