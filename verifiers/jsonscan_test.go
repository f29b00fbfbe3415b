package verifiers

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// texts are JSON, or nearly so, and what is hard about it.
var texts = []string{
	``, ` `, `null`, `true`, `tru`, `nullx`, `0`, `-0`, `01`, `-`, `1.`, `.5`, `1.5e+10`, `1e`, `1E-2`, `+1`, `"`, `""`, `"a"b`,
	`"\u00e9\ud83d\ude00"`, `"\ud800"`, `"\ud800\u0041"`, `"\u12G4"`, `"\u123"`, `"\x"`, "\"a\tb\"", "\"a\x7fb\"", `"\`, "\"\xff\"",
	`{}`, `[]`, `{`, `[`, `{]`, `[}`, `[[]]`, `[{}]`, `{"a":[]}`, `[1,]`, `[,1]`, `{"a":1,}`, `{,}`, `{"a"}`, `{"a":}`, `{a:1}`, `{"a" : 1 }`,
	`{} {}`, `{}]`, "\ufeff{}", " \t\r\n[ 1 , 2 ]\n", `{"a":{"b":[10,{"c":"x"}]},"d":null,"e":false}`,
	`{"a":{"b":1},"a":{"c":2}}`, `{"a":1,"\u0061":2}`, `{"a":{"b":1},"a":3}`, `{"a":{"b":1,"b":{"c":2}}}`, `{"a/b":1,"m~n":2,"":3,"0":4}`,
	`[["x","y"],{"0":"z"}]`, `{"a":[1,2,3],"a":[4]}`, `{"aaaaaaaaaaaaaaaaaaaaaaaa\"":"bbbbbbbbbbbbbbbbbbb\\"}`, `{"\ud800":1,"a":"\u0000"}`,
	`[1,2,3,4,5,6,7,8,9,10,11]`, `[{"a":"é"},{"a":"日本"},[],"",-1.5e3,true,null]`, "[1\x00]", `{"a":"\/"}`,
}

var pointers = []string{
	"", "/a", "/a/b", "/a/b/c", "/a/b/1/c", "/a/c", "/d", "/e", "/a~1b", "/m~0n", "/", "/0", "/1/0", "/0/1", "/00", "/10", "/9999999999", "/0/a",
	"/a/0", "/a/b/0", "/\ufffd",
}

// TestScanJSON compares with encoding/json: what is JSON, and what each
// pointer leads to.
func TestScanJSON(t *testing.T) {
	t.Parallel()
	for _, text := range texts {
		compareScan(t, []byte(text), pointers)
	}
	deep := func(n int) string {
		return strings.Repeat(`[`, n) + strings.Repeat(`]`, n)
	}
	objects := func(n int) string {
		return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat(`}`, n)
	}
	for _, n := range []int{1, 63, 64, 65, 129, maxNesting - 1, maxNesting, maxNesting + 1} {
		compareScan(t, []byte(deep(n)), pointers)
		compareScan(t, []byte(objects(n)), pointers)
		compareScan(t, []byte(`{"x":`+objects(n)+`}`), pointers)
	}
}

func TestScanJSONInOnePass(t *testing.T) {
	t.Parallel()
	var all []Source
	for i := range maxPointers + 6 {
		all = append(all, JSON("/m"+strconv.Itoa(i)))
	}
	want := PointersOf(First(all[:30]...), Join("", all[30:]...))
	if len(want.texts) != maxPointers {
		t.Errorf("got %d pointers, want %d", len(want.texts), maxPointers)
	}
	req := &Request{Body: []byte(`{"m0":"a","m63":"b","m64":"c","m69":"d","x":["\ud800"]}`)}
	req.Want(want)
	for i, v := range map[int]string{0: "a", 63: "b", 64: "c", 69: "d"} {
		for range 2 {
			if got, err := all[i].Lookup(req); err != nil || got != v {
				t.Errorf("%s: got %q, %v, want %q", all[i], got, err, v)
			}
		}
	}
	if err := req.CheckJSON(); err != nil {
		t.Error(err)
	}
	for _, body := range []string{`{"m0":"a"`, "{\"m0\":\"\xff\"}", ``} {
		for _, want := range []*Pointers{want, nil, PointersOf(JSON("/other"))} {
			req := &Request{Body: []byte(body)}
			req.Want(want)
			if _, err := all[0].Lookup(req); body != "" && !errors.Is(err, ErrMalformed) || body == "" && !errors.Is(err, ErrMissing) {
				t.Errorf("%q: got %v", body, err)
			}
			if err := req.CheckJSON(); !errors.Is(err, ErrMalformed) {
				t.Errorf("%q: got %v, want ErrMalformed", body, err)
			}
		}
	}
}

// compareScan checks what is found and what is built, alone and through a Request,
// against encoding/json.
func compareScan(t *testing.T, text []byte, pointers []string) {
	t.Helper()
	doc, wantErr := libraryJSON(text)
	want := new(Pointers)
	for _, p := range pointers {
		want.add(p)
	}
	f, err := order{want: want}.read(text)
	if (err == nil) != (wantErr == nil) {
		t.Fatalf("%.200q: got %v, encoding/json says %v", text, err, wantErr)
	}
	tree, treeErr := decodeJSON(text)
	if (treeErr == nil) != (err == nil) || !reflect.DeepEqual(tree, doc) {
		t.Fatalf("%.200q: built %.200v, %v, want %.200v", text, tree, treeErr, doc)
	}
	strict, strictErr := order{want: want, limits: &JSONLimits{}}.read(text)
	if err != nil {
		if !errors.Is(err, ErrMalformed) || !errors.Is(strictErr, ErrMalformed) {
			t.Fatalf("%.200q: got %v and %v, want ErrMalformed", text, err, strictErr)
		}
		return
	}
	// A text that is not strict is read to its end all the same.
	if strictErr != nil || !slices.Equal(strict.found, f.found) || strict.twice != f.twice {
		t.Fatalf("%.200q: strictly got %v %b, %v, want %v %b", text, strict.found, strict.twice, strictErr, f.found, f.twice)
	}
	for i, p := range want.texts {
		got := "missing"
		if raw := f.found[i].of(text); len(raw) > 0 {
			if _, err := libraryJSON(raw); err != nil {
				t.Fatalf("%.200q: %s is %.200q: %v", text, p, raw, err)
			}
			got = describeValue(scalar(raw))
		}
		if ref := describeValue(reference(doc, p)); got != ref && (got != "missing" || ref != describeValue("", ErrMissing)) {
			t.Fatalf("%.200q: %q is %s, want %s", text, p, got, ref)
		}
	}
}

// libraryJSON is encoding/json's opinion.
func libraryJSON(text []byte) (any, error) {
	if !utf8.Valid(text) {
		return nil, ErrMalformed
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, ErrMalformed
	}
	return v, nil
}

func describeValue(v string, err error) string {
	switch {
	case errors.Is(err, ErrMissing):
		return "missing"
	case err != nil:
		return "malformed"
	}
	return strconv.Quote(v)
}

// reference is what a pointer leads to in a decoded document.
func reference(doc any, pointer string) (string, error) {
	switch v := reach(doc, pointer).(type) {
	case nil:
		return "", ErrMissing
	case string:
		return v, nil
	case json.Number:
		return v.String(), nil
	case bool:
		return strconv.FormatBool(v), nil
	}
	return "", ErrMalformed
}

func FuzzScanJSON(f *testing.F) {
	for i, text := range texts {
		f.Add([]byte(text), pointers[i%len(pointers)], pointers[(i+2)%len(pointers)])
	}
	f.Fuzz(func(t *testing.T, text []byte, a, b string) {
		var list []string
		for _, p := range []string{a, b, "/a", "/a/b", "/0", "/0/a", ""} {
			if p == "" || validPointer(p) {
				list = append(list, p)
			}
		}
		compareScan(t, text, list)
	})
}

// TestDigestWithout: what varies does not count, and everything else does.
func TestDigestWithout(t *testing.T) {
	t.Parallel()
	p, err := PointersTo("/attempt", "/meta/sent", "/meta", "/list/1")
	if err != nil {
		t.Fatal(err)
	}
	const text = `{"id":1, "attempt":0,"meta":{"sent":5,"x":1},"list":[1,"two",3]}`
	want := p.DigestWithout([]byte(text))
	for _, same := range []string{
		text, `{"id":1, "attempt":"second","meta":{"sent":5,"x":1},"list":[1,"two",3]}`, `{"id":1, "attempt":[0],"meta":null,"list":[1,2,3]}`,
	} {
		if p.DigestWithout([]byte(same)) != want {
			t.Errorf("%s: got another digest", same)
		}
	}
	for _, other := range []string{
		`{"id":2, "attempt":0,"meta":{"sent":5,"x":1},"list":[1,"two",3]}`, `{"id":1, "attempt":0,"meta":{"sent":5,"x":1},"list":[2,"two",3]}`,
		`{"id":1, "meta":{"sent":5,"x":1},"list":[1,"two",3]}`, text + " ", text + "x", "",
	} {
		if p.DigestWithout([]byte(other)) == want {
			t.Errorf("%s: got the same digest", other)
		}
	}
	if got := p.DigestWithout([]byte("attempt=1")); got != sha256.Sum256([]byte("attempt=1")) {
		t.Error("a text that is not JSON does not count as a whole")
	}
	for _, bad := range []string{"", "a", "/a~"} {
		if _, err := PointersTo(bad); err == nil {
			t.Errorf("%q: got no error", bad)
		}
	}
}
