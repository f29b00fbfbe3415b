package verifiers

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestStrictJSON(t *testing.T) {
	t.Parallel()
	members := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `,"m%d":%d`, i, i)
		}
		return "{" + strings.TrimPrefix(b.String(), ",") + "}"
	}
	for _, tt := range []struct {
		name, text     string
		limits         JSONLimits
		fault, pointer string
	}{
		{name: "a value", text: ` {"a":[1,"two",true,null,{"b":-1.5e3}],"c":{}} `},
		{name: "the same name in other objects", text: `{"a":{"a":{"a":1}},"b":[{"a":1},{"a":2}]}`},
		{name: "pairs", text: `{"\ud83d\ude00":"\uD83D\uDE00\u00e9"}`},
		{name: "many members", text: members(5000)},
		{name: "nothing", text: ``, fault: FaultSyntax},
		{name: "two values", text: `{} {}`, fault: FaultSyntax},
		{name: "a comma too many", text: `{"a":[1,]}`, fault: FaultSyntax, pointer: "/a/1"},
		{name: "cut", text: `{"data":{"items":[{"id":1},{"id":`, fault: FaultSyntax, pointer: "/data/items/1/id"},
		{name: "a byte order mark", text: "\ufeff{}", fault: FaultSyntax},
		{name: "not UTF-8", text: "{\"a\":{\"b\":[\"\xff\"]}}", fault: FaultUTF8, pointer: "/a/b/0"},
		{name: "not UTF-8 in a name", text: "{\"a\":{\"\xc3\x28\":1}}", fault: FaultUTF8, pointer: "/a"},
		{name: "a surrogate as bytes", text: "[\"\xed\xa0\x80\"]", fault: FaultUTF8, pointer: "/0"},
		{name: "half a character", text: `{"a":"\ud83d"}`, fault: FaultUTF8, pointer: "/a"},
		{name: "the other half", text: `{"a":"\ude00"}`, fault: FaultUTF8, pointer: "/a"},
		{name: "halves in the wrong order", text: `{"a":"\ude00\ud83d"}`, fault: FaultUTF8, pointer: "/a"},
		{name: "two first halves", text: `{"a":"\ud83d\ud83d\ude00"}`, fault: FaultUTF8, pointer: "/a"},
		{name: "half a character in a name", text: `{"\ud83d":1}`, fault: FaultUTF8},
		{name: "halves that are permitted", text: `{"\ud83d":"\ude00"}`, limits: JSONLimits{Surrogates: true}},
		{name: "twice", text: `{"a":1,"b":2,"a":1}`, fault: FaultDuplicate, pointer: "/a"},
		{name: "twice inside", text: `{"x":[0,{"data":{"id":1,"id":1}}]}`, fault: FaultDuplicate, pointer: "/x/1/data/id"},
		{name: "twice with escapes", text: `{"a":1,"\u0061":2}`, fault: FaultDuplicate, pointer: "/a"},
		{name: "twice with other escapes", text: `{"\u00e9/~":1,"é\/~":2}`, fault: FaultDuplicate, pointer: "/é~1~0"},
		{name: "twice after an object", text: `{"a":{"b":1,"c":{"a":1}},"c":1,"a":2}`, fault: FaultDuplicate, pointer: "/a"},
		{name: "the empty name twice", text: `{"":1,"":2}`, fault: FaultDuplicate, pointer: "/"},
		{name: "twice in a large object", text: members(5000)[:len(members(5000))-1] + `,"m\u0030":0}`, fault: FaultDuplicate, pointer: "/m0"},
		{name: "twice and permitted", text: `{"a":1,"a":2}`, limits: JSONLimits{Duplicates: true}},
		{name: "twice equal to U+FFFD", text: `{"\ud800":1,"\ufffd":2}`, limits: JSONLimits{Surrogates: true}, fault: FaultDuplicate, pointer: "/?"},
		{name: "as deep as permitted", text: strings.Repeat("[", 256) + strings.Repeat("]", 256)},
		{name: "deeper", text: strings.Repeat("[", 257) + strings.Repeat("]", 257), fault: FaultDepth, pointer: strings.Repeat("/0", 58) + "/…"},
		{name: "deeper than 3", text: `{"a":[{"b":[]}]}`, limits: JSONLimits{Depth: 3}, fault: FaultDepth, pointer: "/a/0/b"},
		{name: "so many values", text: `[1,[2],{"a":3}]`, limits: JSONLimits{Values: 6}},
		{name: "more values", text: `[1,[2],{"a":3}]`, limits: JSONLimits{Values: 5}, fault: FaultValues, pointer: "/2/a"},
		{name: "so many members", text: members(100), limits: JSONLimits{Members: 100}},
		{name: "more members", text: `{"x":` + members(101) + `}`, limits: JSONLimits{Members: 100}, fault: FaultMembers, pointer: "/x"},
		{name: "more members of one name", text: `{"a":1,"a":1,"a":1}`, limits: JSONLimits{Members: 2, Duplicates: true}, fault: FaultMembers},
		{name: "so many digits", text: `[-12345.67e8]`, limits: JSONLimits{Digits: 8}},
		{name: "more digits", text: `[-12345.678]`, limits: JSONLimits{Digits: 7}, fault: FaultNumber, pointer: "/0"},
		{name: "a large exponent", text: `{"n":1e1001}`, fault: FaultNumber, pointer: "/n"},
		{name: "a small exponent", text: `{"n":1e-99999999999999999999}`, fault: FaultNumber, pointer: "/n"},
		{name: "a long string", text: `["12345678","123456789"]`, limits: JSONLimits{String: 8}, fault: FaultString, pointer: "/1"},
		{name: "a long name", text: `{"a":{"123456789":1}}`, limits: JSONLimits{String: 8}, fault: FaultString, pointer: "/a"},
		{name: "the first of several", text: `{"a":1,"a":"\ud83d"}`, fault: FaultDuplicate, pointer: "/a"},
		{name: "and not JSON after all", text: `{"a":1,"a":2`, fault: FaultSyntax, pointer: "/a"},
		{name: "nothing to print", text: "{\"a\u0085b\":{\"x\":1,\"x\":2}}", fault: FaultDuplicate, pointer: "/a?b/x"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := &Request{Body: []byte(tt.text)}
			r.Strictly(&tt.limits)
			got := r.CheckStrict()
			switch {
			case tt.fault == "" && got != nil:
				t.Fatalf("got %v, want no error", got)
			case tt.fault == "":
				if doc, err := r.JSON(); err != nil || !reflect.DeepEqual(doc, must(libraryJSON(r.Body))) {
					t.Errorf("got %v, %v", doc, err)
				}
				return
			case got == nil:
				t.Fatalf("got no error, want %s", tt.fault)
			}
			if got.Fault != tt.fault || got.Pointer != tt.pointer {
				t.Errorf("got %s at %q, want %s at %q", got.Fault, got.Pointer, tt.fault, tt.pointer)
			}
			if len(got.Pointer) > longestPointer || got.Offset > len(tt.text) || !errors.Is(got, ErrNotStrict) || !slices.Contains(Faults(), got.Fault) {
				t.Errorf("got %#v", got)
			}
			if _, err := libraryJSON(r.Body); (err == nil) != got.Readable() || errors.Is(got, ErrMalformed) == got.Readable() {
				t.Errorf("got readable %t, encoding/json says %v", got.Readable(), err)
			}
			if doc, err := r.JSON(); doc != nil || !errors.Is(err, ErrNotStrict) {
				t.Errorf("what is not strict was decoded: %v", err)
			}
			if n := r.Passes(); n != 1 {
				t.Errorf("read %d times, want once", n)
			}
		})
	}
}

// TestStrictMembers: of a text that is not strict, members are found that are there
// once.
func TestStrictMembers(t *testing.T) {
	t.Parallel()
	const body = `{"id":"1","data":{"type":"x","type":"y"},"id":"2","n":{"a":1},"t":3}`
	r := &Request{Body: []byte(body)}
	r.Want(PointersOf(JSON("/id"), JSON("/data/type"), JSON("/t"), JSON("/n/a")))
	r.Strictly(&JSONLimits{})
	if v, err := JSON("/id").Lookup(r); v != "2" || err != nil { // before anybody asks whether it is strict
		t.Errorf("got %q, %v", v, err)
	}
	if err := r.CheckStrict(); err == nil || err.Error() != "duplicate member /data/type" {
		t.Fatalf("got %v", err)
	}
	for _, pointer := range []string{"/id", "/data/type"} {
		if v, err := JSON(pointer).Lookup(r); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: got %q, %v, want ErrMalformed", pointer, v, err)
		}
	}
	for pointer, want := range map[string]string{"/t": "3", "/n/a": "1"} {
		if v, err := JSON(pointer).Lookup(r); v != want || err != nil {
			t.Errorf("%s: got %q, %v, want %q", pointer, v, err, want)
		}
	}
	if _, err := r.JSONAt("/n"); !errors.Is(err, ErrNotStrict) {
		t.Errorf("a part of it was decoded: %v", err)
	}
}

// TestStrictInside: a text in the request is strict as the body is.
func TestStrictInside(t *testing.T) {
	t.Parallel()
	id, kind := Form("payload").Inner("/id"), First(Form("payload").Inner("/type"), JSON("/type"))
	body := func(payload string) *Request {
		r := &Request{Header: map[string][]string{"Content-Type": {mediaForm}}, Body: []byte("payload=" + payload)}
		r.Want(PointersOf(id, kind))
		r.Strictly(&JSONLimits{})
		return r
	}
	r := body(`{"id":"1","type":"a","x":[]}`)
	if err := r.CheckInner(id, kind, JSON("/other")); err != nil {
		t.Errorf("got %v", err)
	}
	if v, err := id.Lookup(r); v != "1" || err != nil || r.Passes() != 1 {
		t.Errorf("got %q, %v in %d passes, want one", v, err, r.Passes())
	}
	r = body(`{"id":"1","type":"a","x":{"y":1,"y":2}}`)
	if err := r.CheckInner(id, kind); err == nil || err.Error() != "form payload: duplicate member /x/y" {
		t.Errorf("got %v", err)
	}
	if err := body(`not+JSON`).CheckInner(id, kind); err != nil {
		t.Errorf("got %v: that is for the lookup to say", err)
	}
}

// TestDecodedInOnePass: what is wanted decoded is, in the pass that finds the rest.
func TestDecodedInOnePass(t *testing.T) {
	t.Parallel()
	const body = `{"id":"1","a":{"b":[1,{"c":"\u00e9"}],"d":"x"},"e":[true],"f":"te\"xt","g":null}`
	all := must(libraryJSON([]byte(body)))
	for _, whole := range []bool{false, true} {
		r := &Request{Body: []byte(body)}
		r.Want(PointersOf(JSON("/id")).WithTrees("/a", "/a/b", "/e", "/f", "/g", "/missing"))
		r.Strictly(&JSONLimits{})
		r.Decode(whole)
		for _, pointer := range []string{"/a", "/a/b", "/e", "/f", "/g"} {
			want := must(descend(all, pointer))
			if got, err := r.JSONAt(pointer); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s: got %v, %v, want %v", pointer, got, err, want)
			}
		}
		if _, err := r.JSONAt("/missing"); !errors.Is(err, ErrMissing) {
			t.Errorf("got %v, want ErrMissing", err)
		}
		if n := r.Passes(); n != 1 {
			t.Errorf("whole %t: read %d times, want once", whole, n)
		}
		if got, err := r.JSONAt(""); err != nil || !reflect.DeepEqual(got, all) {
			t.Errorf("got %v, %v", got, err)
		}
	}
	early := &Request{Body: []byte(body)} // nothing is decoded before it is permitted
	early.Want(PointersOf(JSON("/id")).WithTrees("/a"))
	if _, err := JSON("/id").Lookup(early); err != nil || early.document.done || early.members.trees != nil {
		t.Errorf("got %v, or something was decoded", err)
	}
	early.Decode(true)
	if got, err := early.JSONAt("/a"); err != nil || !reflect.DeepEqual(got, must(descend(all, "/a"))) || early.Passes() != 2 {
		t.Errorf("got %v, %v in %d passes, want 2", got, err, early.Passes())
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// strictReference finds the faults of a text that encoding/json takes, by its tokens.
type strictReference struct {
	dec    *json.Decoder
	limits JSONLimits
	values int
	faults map[string]bool
}

func (c *strictReference) value(depth int) {
	token, err := c.dec.Token()
	if err != nil {
		panic(err)
	}
	if c.values++; c.values > c.limits.Values {
		c.faults[FaultValues] = true
	}
	switch token {
	case json.Delim('['):
		for c.dec.More() {
			c.value(depth + 1)
		}
	case json.Delim('{'):
		seen := make(map[string]bool)
		for n := 1; c.dec.More(); n++ {
			name := must(c.dec.Token()).(string)
			if seen[name] {
				c.faults[FaultDuplicate] = true
			}
			seen[name] = true
			if n > c.limits.Members {
				c.faults[FaultMembers] = true
			}
			c.value(depth + 1)
		}
	default:
		if n, ok := token.(json.Number); ok {
			mantissa, exponent, _ := strings.Cut(strings.ToLower(n.String()), "e")
			exponent = strings.TrimLeft(strings.TrimLeft(exponent, "+-"), "0")
			large := len(exponent) > 4 || len(exponent) > 0 && must(json.Number(exponent).Int64()) > int64(c.limits.Digits)
			if len(strings.Trim(mantissa, "-"))-strings.Count(mantissa, ".") > c.limits.Digits || large {
				c.faults[FaultNumber] = true
			}
		}
		return
	}
	if depth+1 > c.limits.Depth {
		c.faults[FaultDepth] = true
	}
	must(c.dec.Token())
}

// FuzzStrictJSON compares with what encoding/json says about the same text, apart
// from what strictness refuses, in all ways of reading.
func FuzzStrictJSON(f *testing.F) {
	for i, text := range texts {
		f.Add([]byte(text), i%7, i%11, i%5)
	}
	f.Fuzz(func(t *testing.T, text []byte, depth, values, members int) {
		limits := JSONLimits{Depth: 1 + depth&15, Values: 1 + values&63, Members: 1 + members&31, Digits: 1 + (depth+values)&15, Surrogates: members&32 != 0}
		compareScan(t, text, pointers)
		doc, err := libraryJSON(text)
		plain, plainErr := order{want: &noPointers, limits: &limits}.read(text)
		built, builtErr := order{want: &noPointers, limits: &limits, tree: wholeTree}.read(text)
		if (plainErr == nil) != (err == nil) || (builtErr == nil) != (err == nil) || !reflect.DeepEqual(plain.fault, built.fault) {
			t.Fatalf("%.200q: got %v %v and %v %v, encoding/json says %v", text, plain.fault, plainErr, built.fault, builtErr, err)
		}
		if err != nil {
			return
		}
		c := strictReference{dec: json.NewDecoder(bytes.NewReader(text)), limits: limits, faults: make(map[string]bool)}
		c.dec.UseNumber()
		c.value(0)
		half := !limits.Surrogates && halves(text)
		switch fault := built.fault; {
		case fault == nil:
			if len(c.faults) > 0 || half {
				t.Fatalf("%.200q: got no fault, want one of %v", text, c.faults)
			}
			if !built.whole || !reflect.DeepEqual(built.tree, doc) {
				t.Fatalf("%.200q: got %v, want %v", text, built.tree, doc)
			}
		case !c.faults[fault.Fault] && (fault.Fault != FaultUTF8 || !half):
			t.Fatalf("%.200q: got %v, want one of %v", text, fault, c.faults)
		case built.whole || !utf8.ValidString(fault.Error()) || len(fault.Pointer) > longestPointer:
			t.Fatalf("%.200q: got %#v", text, fault)
		}
	})
}

// halves reports whether an escape in JSON is half a character: only then it decodes
// to U+FFFD though it is not written so.
func halves(text []byte) bool {
	doubled := bytes.ReplaceAll(text, []byte(`\\`), nil)
	lower := bytes.ToLower(doubled)
	for i := 0; i+6 <= len(lower); i++ {
		if !bytes.HasPrefix(lower[i:], []byte(`\u`)) {
			continue
		}
		var s string
		if json.Unmarshal([]byte(`"`+string(lower[i:i+6])+`"`), &s) != nil || s != "\ufffd" || string(lower[i:i+6]) == `\ufffd` {
			continue
		}
		if i+12 <= len(lower) && json.Unmarshal([]byte(`"`+string(lower[i:i+12])+`"`), &s) == nil && utf8.RuneCountInString(s) == 1 {
			i += 11
			continue
		}
		return true
	}
	return false
}
