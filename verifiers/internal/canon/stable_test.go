package canon

import (
	"errors"
	"strings"
	"testing"
)

// The results are those of Node.js 20: of fast-json-stable-stringify 2.1.0, and
// of JSON.stringify after each object was copied with its names sorted.
func TestStable(t *testing.T) {
	t.Parallel()
	tests := []struct{ text, stable, copied string }{
		{
			"{\"b\":1,\"a\":[3,{\"d\":1,\"c\":2}]}",
			"{\"a\":[3,{\"c\":2,\"d\":1}],\"b\":1}",
			"{\"a\":{\"0\":3,\"1\":{\"c\":2,\"d\":1}},\"b\":1}",
		},
		{
			" { \"x\" : 1.0 , \"y\":1e3, \"z\":-0, \"q\":12345678901234567890 } ",
			"{\"q\":12345678901234567000,\"x\":1,\"y\":1000,\"z\":0}",
			"{\"q\":12345678901234567000,\"x\":1,\"y\":1000,\"z\":0}",
		},
		{
			"{\"n\":[1e21,1e20,123456789012345680000,1e-6,1e-7,1.5e-10,1E400,-1e400,0.1,100,5e-324,1.7976931348623157e308]}",
			"{\"n\":[1e+21,100000000000000000000,123456789012345680000,0.000001,1e-7,1.5e-10,null,null,0.1,100,5e-324,1.7976931348623157e+308]}",
			"{\"n\":{\"0\":1e+21,\"1\":100000000000000000000,\"2\":123456789012345680000,\"3\":0.000001,\"4\":1e-7,\"5\":1.5e-10,\"6\":null,\"7\":null,\"8\":0.1,\"9\":100,\"10\":5e-324,\"11\":1.7976931348623157e+308}}",
		},
		{
			"{\"s\":\"\\u00e9\\n\\t\\b\\f\\r\\u0001\\u001f\\u007f\\u2028</script>&\\/\\\"\\\\\"}",
			"{\"s\":\"\u00e9\\n\\t\\b\\f\\r\\u0001\\u001f\u007f\u2028</script>&/\\\"\\\\\"}",
			"{\"s\":\"\u00e9\\n\\t\\b\\f\\r\\u0001\\u001f\u007f\u2028</script>&/\\\"\\\\\"}",
		},
		{
			"{\"a\":1,\"a\":{\"b\":2},\"\\uffff\":1,\"\\ud83d\\ude00\":2,\"B\":true,\"_\":null,\"Z\":false}",
			"{\"B\":true,\"Z\":false,\"_\":null,\"a\":{\"b\":2},\"\U0001f600\":2,\"\uffff\":1}",
			"{\"B\":true,\"Z\":false,\"_\":null,\"a\":{\"b\":2},\"\U0001f600\":2,\"\uffff\":1}",
		},
		{
			"[]",
			"[]",
			"{}",
		},
		{
			"{}",
			"{}",
			"{}",
		},
		{
			"\"x\"",
			"\"x\"",
			"\"x\"",
		},
		{
			"null",
			"null",
			"null",
		},
		{
			"[[],{},[{}]]",
			"[[],{},[{}]]",
			"{\"0\":{},\"1\":{},\"2\":{\"0\":{}}}",
		},
		{
			"{\"10\":1,\"9\":2,\"\u00e9\":3,\"e\":4}",
			"{\"10\":1,\"9\":2,\"e\":4,\"\u00e9\":3}",
			"{\"9\":2,\"10\":1,\"e\":4,\"\u00e9\":3}",
		},
	}
	for _, tt := range tests {
		for _, want := range []struct {
			with Stable
			text string
		}{{Stable{}, tt.stable}, {Stable{Copied: true}, tt.copied}} {
			got, err := want.with.Append([]byte(">"), []byte(tt.text))
			if err != nil || string(got) != ">"+want.text {
				t.Errorf("%s with %+v: got %s, %v, want %s", tt.text, want.with, got, err, want.text)
			}
		}
	}
	for _, text := range []string{"", "{", "{} {}", "{\"a\":1}x", "\"\xff\"", strings.Repeat("[", 500) + strings.Repeat("]", 500)} {
		if _, err := (Stable{}).Append(nil, []byte(text)); !errors.Is(err, ErrJSON) {
			t.Errorf("%.20q: got %v, want %v", text, err, ErrJSON)
		}
	}
}

func FuzzStable(f *testing.F) {
	f.Add([]byte(`{"b":[1e21,-0],"a":{"10":"\n","9":null}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		once, err := (Stable{}).Append(nil, text)
		if err != nil {
			return
		}
		twice, err := (Stable{}).Append(nil, once)
		if err != nil || string(twice) != string(once) {
			t.Errorf("written again it differs: %s, %v, first %s", twice, err, once)
		}
	})
}
