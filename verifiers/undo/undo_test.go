package undo_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"net/http"
	"net/url"
	"testing"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers/undo"
)

// TestChanges checks that what was sent is found among what the changes undo of what
// was received, and under which name first.
func TestChanges(t *testing.T) {
	t.Parallel()
	packed := func(text string) string {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, _ = w.Write([]byte(text))
		_ = w.Close()
		return b.String()
	}
	const again = "JSON was written again; the sender writes it "
	for _, tt := range []struct{ media, sent, received, want string }{
		{"", `{"a":1}`, `{"a":1}` + "\n", "a newline was added at the end"},
		{"", packed("x"), "x", ""}, // nobody knows how it was packed
		{"", "x", packed(packed("x")), "it was packed several times"},
		{"json", `{"a":1}`, base64.StdEncoding.EncodeToString([]byte(`{"a":1}`)), "it was written in base64"},
		{"json", `{"a":1}`, `{"version":"2.0","body":"{\"a\":1}","isBase64Encoded":false}`, "it was wrapped in the event of a function of a cloud"},
		{"json", `{"a":1}`, `{"body":"eyJhIjoxfQ==","isBase64Encoded":true}`, "it was wrapped in the event of a function of a cloud"},
		{"", "payload=%7B%22a%22%3A1%7D", `{"a":1}`, "it was the field payload of a form, and taken out of it"},
		{"", `{"a":1}`, "payload=%7B%22a%22%3A1%7D", "it was written into the field payload of a form"},
		{"json", "{\n  \"a\": \"\\u00e9\"\n}\n", `{"a":"é"}`, again + "indented by two spaces, non-ASCII characters escaped, a newline at the end"},
		{"json", `{"a": "é", "b": "\/"}`, `{"a":"é","b":"/"}`, again + "with spaces after colons and commas, slashes escaped"},
		{"json", `{"a": "\ud83d\ude00"}`, `{"a":"😀"}`, again + "with spaces after colons and commas, non-ASCII characters escaped"},
		{"json", `{"a":"\u003cé\u003e"}`, `{ "a" : "<é>" }`, again + "without spaces, <, > and & escaped"},
		{"json", `{"a":"é😀\n\"\\/"}`, `{"a":"\u00e9\ud83d\ude00\n\"\\\/"}`, again + "without spaces, no character escaped that need not be"},
		{"json", `{"a":{"b":1.0,"c":[2,{"d":3,"e":4}]},"f":1e3}`, `{"f": 1e3, "a": {"c": [2, {"e": 4, "d": 3}], "b": 1.0}}`, again + "without spaces, its keys sorted"},
		{"form", "a=b+c&d=%2f", "a=b%20c&d=%2f", "spaces of the form were written as %20"},
		{"form", "a=b%20c", "a=b+c", "spaces of the form were written as +"},
		{"form", "a=%2f", "a=%2F", "the form's percent-encoding became upper case"},
		{"form", "a=%2F", "a=%2f", "the form's percent-encoding became lower case"},
		{"form", "a=%7E%21", "a=~%21", "the form was decoded and encoded again, where ~ was encoded by the sender"},
		{"form", "a=!&b=%20", "a=%21&b=+", "the form was decoded and encoded again, with the marks !'()* kept by the sender"},
		{"form", "a[b]=+", "a%5Bb%5D=%20", "the form was decoded and encoded again, with brackets kept by the sender"},
		{"form", "a=%26&b=1", "b=1&a=%26", "the form was decoded and encoded again, and its fields were sorted before"},
		{"form", "a=%C3%A9+x", "a=é x", "the form was decoded and encoded again"},
		{"json", "{\"a\":\"\xe9\"}", `{"a":"é"}`, "it was converted from ISO 8859-1 to UTF-8"},
		{"json", "{\"a\":\"\x80\"}", `{"a":"€"}`, "it was converted from Windows-1252 to UTF-8"},
		{"text", "é", "\xe9", "it was converted from UTF-8 to ISO 8859-1"},
		{"text", "a\nb\n", "a\n\nb\n\n", "every end of a line was doubled"},
		{"text", "a", "a\x00", "a zero byte was added at the end"},
	} {
		got, before := "", tt.received
		for _, change := range append(undo.Bodies(), undo.Rare(tt.media)...) {
			body, ok := change.Undo([]byte(tt.received))
			if tt.received != before {
				t.Fatalf("%s changes its argument", change.Name)
			}
			if change.Name == "" || change.Cure == "" {
				t.Errorf("%+v says nothing", change)
			}
			if ok && string(body) == tt.sent && got == "" {
				got = change.Name
			}
		}
		if got != tt.want {
			t.Errorf("sent %q, received %q: got %q, want %q", tt.sent, tt.received, got, tt.want)
		}
	}
}

func TestURLs(t *testing.T) {
	t.Parallel()
	u, err := url.Parse("http://10.0.0.1:8080/in?a=1")
	if err != nil {
		t.Fatal(err)
	}
	list := undo.URLs(u, http.Header{"X-Forwarded-Host": {"h.example.com"}})
	for _, form := range list {
		if form.URL.String() == "https://h.example.com/in?a=1" && form.Name == "the host is h.example.com, the scheme is https" {
			return
		}
	}
	t.Errorf("got %d forms, want one with the host that was asked for", len(list))
}

func FuzzChanges(f *testing.F) {
	f.Add([]byte(`{"a":"\u00e9\ud83d\"\\/","b":[1,{"c":null}]}`), "json")
	f.Add([]byte("a=%2f+b&c[d]=%zz"), "form")
	f.Fuzz(func(t *testing.T, body []byte, media string) {
		before := bytes.Clone(body)
		for _, change := range append(undo.Bodies(), undo.Rare(media)...) {
			_, _ = change.Undo(body)
			if !bytes.Equal(body, before) {
				t.Fatalf("%s changes its argument", change.Name)
			}
		}
	})
}
