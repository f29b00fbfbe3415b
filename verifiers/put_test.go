package verifiers

import (
	"errors"
	"testing"
)

// What is put is what the source finds, and all else stays as it is.
func TestSourcePut(t *testing.T) {
	t.Parallel()
	const (
		jsonBody = `{ "a": {"b":"old", "n":17,"yes":true,"o":{}}, "list":[1, {"x":"y"}],"text":"{\"in\":\"ner\"}","b64":"eyJzIjoiYSJ9", "e~/":0 }`
		formBody = "a=1&sig=old&data=%7B%22t%22%3A%22old%22%7D&z=+2"
		partType = "multipart/form-data; boundary=B"
		partBody = "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--B\r\nContent-Disposition: form-data; name=\"b\"\r\n\r\n2\r\n--B--\r\n"
	)
	for name, tt := range map[string]struct {
		source Source
		media  string
		body   string
		value  string
		want   string // the body; empty: as it was
	}{
		"header":                     {Header("X-New").Trim("v1="), "", jsonBody, "s", ""},
		"pair of a header":           {Header("X-List").KV("b"), "", jsonBody, "2", ""},
		"query":                      {Query("q"), "", jsonBody, "a&b", ""},
		"member":                     {JSON("/a/b"), "", jsonBody, `ne"w`, `{ "a": {"b":"ne\"w", "n":17,"yes":true,"o":{}}, "list":[1, {"x":"y"}],"text":"{\"in\":\"ner\"}","b64":"eyJzIjoiYSJ9", "e~/":0 }`},
		"number":                     {JSON("/a/n"), "", jsonBody, "18", `{ "a": {"b":"old", "n":18,"yes":true,"o":{}}, "list":[1, {"x":"y"}],"text":"{\"in\":\"ner\"}","b64":"eyJzIjoiYSJ9", "e~/":0 }`},
		"text for a number":          {JSON("/a/n"), "", jsonBody, "x", `{ "a": {"b":"old", "n":"x","yes":true,"o":{}}, "list":[1, {"x":"y"}],"text":"{\"in\":\"ner\"}","b64":"eyJzIjoiYSJ9", "e~/":0 }`},
		"boolean":                    {JSON("/a/yes"), "", jsonBody, "false", `{ "a": {"b":"old", "n":17,"yes":false,"o":{}}, "list":[1, {"x":"y"}],"text":"{\"in\":\"ner\"}","b64":"eyJzIjoiYSJ9", "e~/":0 }`},
		"escaped name":               {JSON("/e~0~1"), "", jsonBody, "1", `{ "a": {"b":"old", "n":17,"yes":true,"o":{}}, "list":[1, {"x":"y"}],"text":"{\"in\":\"ner\"}","b64":"eyJzIjoiYSJ9", "e~/":1 }`},
		"element":                    {JSON("/list/1/x"), "", jsonBody, "z", `{ "a": {"b":"old", "n":17,"yes":true,"o":{}}, "list":[1, {"x":"z"}],"text":"{\"in\":\"ner\"}","b64":"eyJzIjoiYSJ9", "e~/":0 }`},
		"new member":                 {JSON("/a/c"), "", jsonBody, "1", `{ "a": {"b":"old", "n":17,"yes":true,"o":{},"c":"1"}, "list":[1, {"x":"y"}],"text":"{\"in\":\"ner\"}","b64":"eyJzIjoiYSJ9", "e~/":0 }`},
		"first member":               {JSON("/a/o/p"), "", jsonBody, "1", `{ "a": {"b":"old", "n":17,"yes":true,"o":{"p":"1"}}, "list":[1, {"x":"y"}],"text":"{\"in\":\"ner\"}","b64":"eyJzIjoiYSJ9", "e~/":0 }`},
		"inside":                     {JSON("/text").Inner("/in"), "", jsonBody, "side", `{ "a": {"b":"old", "n":17,"yes":true,"o":{}}, "list":[1, {"x":"y"}],"text":"{\"in\":\"side\"}","b64":"eyJzIjoiYSJ9", "e~/":0 }`},
		"inside base64":              {JSON("/b64").Base64("/s"), "", jsonBody, "b", `{ "a": {"b":"old", "n":17,"yes":true,"o":{}}, "list":[1, {"x":"y"}],"text":"{\"in\":\"ner\"}","b64":"eyJzIjoiYiJ9", "e~/":0 }`},
		"base64 that is not there":   {Header("X-Sig").Base64("/signature"), "", jsonBody, "s", ""},
		"the first that is there":    {First(JSON("/none"), JSON("/a/b")), "", jsonBody, "x", `{ "a": {"b":"x", "n":17,"yes":true,"o":{}}, "list":[1, {"x":"y"}],"text":"{\"in\":\"ner\"}","b64":"eyJzIjoiYSJ9", "e~/":0 }`},
		"the first that fits":        {First(Form("f"), JSON("/f")), "", `{}`, "x", `{"f":"x"}`},
		"joined":                     {Join(".", JSON("/a/b"), JSON("/list/1/x")), "", jsonBody, "p.q.r", `{ "a": {"b":"p", "n":17,"yes":true,"o":{}}, "list":[1, {"x":"q.r"}],"text":"{\"in\":\"ner\"}","b64":"eyJzIjoiYSJ9", "e~/":0 }`},
		"field in its place":         {Form("sig"), formType, formBody, "n=w", "a=1&sig=n%3Dw&data=%7B%22t%22%3A%22old%22%7D&z=+2"},
		"new field":                  {Form("new"), formType, formBody, "1", formBody + "&new=1"},
		"inside a field":             {Form("data").Inner("/t"), formType, formBody, "x", "a=1&sig=old&data=%7B%22t%22%3A%22x%22%7D&z=+2"},
		"part":                       {Form("b"), partType, partBody, "3", "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--B\r\nContent-Disposition: form-data; name=\"b\"\r\n\r\n3\r\n--B--\r\n"},
		"the whole body":             {Body(), "application/jwt", jsonBody, "a.b.c", "a.b.c"},
		"a constant as it is":        {JSON("/a/b").As("thing"), "", jsonBody, "thing", ""},
		"pair of a list in a member": {JSON("/a/b").KV("v1"), "", `{"a":{"b":"v0=1,v1=2"}}`, "3", `{"a":{"b":"v0=1,v1=3"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req := testRequest(t, tt.body, "X-List", "a=1,b=0")
			if tt.media != "" {
				req.Header.Set("Content-Type", tt.media)
			}
			if err := tt.source.Put(req, tt.value); err != nil {
				t.Fatal(err)
			}
			want := tt.want
			if want == "" {
				want = tt.body
			}
			if string(req.Body) != want {
				t.Errorf("got  %s\nwant %s", req.Body, want)
			}
			if got, err := tt.source.Lookup(req); err != nil || got != tt.value {
				t.Errorf("found %q, %v; want %q", got, err, tt.value)
			}
			if got := req.URL.Query().Get("a"); got != "1" {
				t.Errorf("the query was lost: %s", req.URL)
			}
		})
	}
}

func TestSourcePutRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		source Source
		media  string
		body   string
	}{
		"nothing":                    {Source{}, "", `{}`},
		"constant":                   {Const("x"), "", `{}`},
		"another presence":           {JSON("/a").As("x"), "", `{"a":1}`},
		"member of what is missing":  {JSON("/a/b"), "", `{}`},
		"member of a number":         {JSON("/a/b"), "", `{"a":1}`},
		"member of an array":         {JSON("/7"), "", `[1]`},
		"member of a form":           {JSON("/a"), formType, "a=1"},
		"member of no JSON":          {JSON("/a"), "", `{"a":`},
		"field of JSON":              {Form("a"), "", `{}`},
		"part that is missing":       {Form("a"), "multipart/form-data; boundary=B", "--B--\r\n"},
		"part without a boundary":    {Form("a"), "multipart/form-data", "--B--\r\n"},
		"claim of what is signed":    {Body().Claim("/a"), "application/jwt", "a.b.c"},
		"member of what is no JSON":  {JSON("/a").Inner("/b"), "", `{"a":"x"}`},
		"member of what is no array": {JSON("/a/0"), "", `{"a":"x"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req := testRequest(t, tt.body)
			if tt.media != "" {
				req.Header.Set("Content-Type", tt.media)
			}
			if err := tt.source.Put(req, "value"); !errors.Is(err, errPlace) {
				t.Errorf("got %v, want %v", err, errPlace)
			}
			if string(req.Body) != tt.body {
				t.Errorf("the body was changed: %s", req.Body)
			}
		})
	}
}
