package verifiers

import (
	"errors"
	"strings"
	"testing"
)

const formType = "application/x-www-form-urlencoded"

func TestSourceLookup(t *testing.T) {
	t.Parallel()
	json := testRequest(t, `{"id":"x","n":1.50,"big":12345678901234567890,"yes":true,"no":false,"null":null,"empty":"",`+
		`"list":[{"a/b":"slash","m~n":"tilde"}],"object":{}}`,
		"Content-Type", "application/json", "X-One", "v", "X-Empty", "", "X-List", "a=1,b=Two, c=3,a=3", "X-Sep", "v1,a v1,b v2,c",
		"X-Auth", "Scheme a=1,b=2")
	json.Header["X-Two"] = []string{"1", "2"}
	json.URL.RawQuery = "a=1&b=2&b=3&c="
	form := testRequest(t, "f=1&g=2&g=3&h=", "Content-Type", formType+"; charset=utf-8")
	parts := testRequest(t, "--B\r\nContent-Disposition: form-data; name=\"json\"\r\n\r\n{\"a\":1}\r\n"+
		"--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x\"\r\n\r\nfile\r\n--B--\r\n",
		"Content-Type", "multipart/form-data; boundary=B")
	broken := testRequest(t, `{"id":`, "Content-Type", "application/json")
	tests := []struct {
		name   string
		source Source
		req    *Request
		want   string
		kind   error
	}{
		{"header", Header("x-one"), json, "v", nil},
		{"header absent", Header("X-None"), json, "", ErrMissing},
		{"header empty", Header("X-Empty"), json, "", ErrMissing},
		{"header twice", Header("X-Two"), json, "", ErrMalformed},
		{"prefix", Header("X-One").Trim("w"), json, "", ErrMalformed},
		{"pair", Header("X-List").KV("b"), json, "Two", nil},
		{"pair in lower case", Header("X-List").KV("b").Lower(), json, "two", nil},
		{"presence", JSON("/id").As("thing"), json, "thing", nil},
		{"absence", JSON("/nothing").As("thing"), json, "", ErrMissing},
		{"the first that is there", First(JSON("/nothing").As("a"), JSON("/id").As("b")), json, "b", nil},
		{"pair twice", Header("X-List").KV("a"), json, "", ErrMalformed},
		{"pair absent", Header("X-List").KV("d"), json, "", ErrMissing},
		{"pair after a space", Header("X-List").KV("c"), json, "", ErrMissing},
		{"pair after a prefix", Header("X-Auth").Trim("Scheme ").KV("a"), json, "1", nil},
		{"pair after another prefix", Header("X-Auth").Trim("Other ").KV("a"), json, "", ErrMalformed},
		{"item of a list", Header("X-Sep").Split(" ").Trim("v2,"), json, "c", nil},
		{"items of a list", Header("X-Sep").Split(" ").Trim("v1,"), json, "", ErrMalformed},
		{"list without the item", Header("X-Sep").Split(" ").Trim("v3,"), json, "", ErrMissing},
		{"query", Query("a"), json, "1", nil},
		{"query twice", Query("b"), json, "", ErrMalformed},
		{"query empty", Query("c"), json, "", ErrMissing},
		{"json string", JSON("/id"), json, "x", nil},
		{"json number as written", JSON("/n"), json, "1.50", nil},
		{"json number beyond float64", JSON("/big"), json, "12345678901234567890", nil},
		{"json true", JSON("/yes"), json, "true", nil},
		{"json false", JSON("/no"), json, "false", nil},
		{"json null", JSON("/null"), json, "", ErrMissing},
		{"json empty string", JSON("/empty"), json, "", ErrMissing},
		{"json object", JSON("/object"), json, "", ErrMalformed},
		{"json escaped slash", JSON("/list/0/a~1b"), json, "slash", nil},
		{"json escaped tilde", JSON("/list/0/m~0n"), json, "tilde", nil},
		{"json index out of range", JSON("/list/1/a"), json, "", ErrMissing},
		{"json index with a zero", JSON("/list/00/a~1b"), json, "", ErrMissing},
		{"json through a string", JSON("/id/x"), json, "", ErrMissing},
		{"json broken", JSON("/id"), broken, "", ErrMalformed},
		{"json of a form", JSON("/id"), form, "", ErrMissing},
		{"form", Form("f"), form, "1", nil},
		{"form twice", Form("g"), form, "", ErrMalformed},
		{"form empty", Form("h"), form, "", ErrMissing},
		{"form of JSON", Form("f"), json, "", ErrMissing},
		{"multipart field", Form("json"), parts, `{"a":1}`, nil},
		{"multipart file", Form("file"), parts, "", ErrMissing},
		{"const", Const("c"), json, "c", nil},
		{"first", First(Header("X-None"), Header("X-One")), json, "v", nil},
		{"first of none", First(Header("X-None"), Query("none")), json, "", ErrMissing},
		{"first stops at what is malformed", First(Header("X-Two"), Header("X-One")), json, "", ErrMalformed},
		{"join", Join("/", Header("X-One"), Header("X-None"), JSON("/id")), json, "v/x", nil},
		{"join with the default separator", Source{Join: []Source{Header("X-One"), JSON("/id")}}, json, "v.x", nil},
		{"join without its first", Join(".", Header("X-None"), Header("X-One")), json, "", ErrMissing},
		{"join with a malformed part", Join(".", Header("X-One"), Header("X-Two")), json, "", ErrMalformed},
		{"zero", Source{}, json, "", ErrMissing},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.source.Lookup(tt.req)
			if got != tt.want || !errors.Is(err, tt.kind) {
				t.Errorf("got %q, %v, want %q, %v", got, err, tt.want, tt.kind)
			}
			if typed := (*Error)(nil); errors.As(err, &typed) {
				t.Error("the error is an *Error")
			}
		})
	}
}

func TestRequestJSON(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"empty": "", "cut": `{"a":`, "two values": `{} {}`, "garbage after": `{}x`, "not UTF-8": "\"\xff\"",
		"NaN": `NaN`, "byte order mark": "\ufeff{}",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if v, err := testRequest(t, body).JSON(); !errors.Is(err, ErrMalformed) {
				t.Errorf("got %v, %v, want %v", v, err, ErrMalformed)
			}
		})
	}
}

func TestTemplateErrors(t *testing.T) {
	t.Parallel()
	stamped := Signed{Timestamp: Header("X-Time")}
	tests := []struct {
		name    string
		signed  Signed
		content string
		want    string
	}{
		{"not closed", Signed{}, "a{body", "at byte 1: { is not closed"},
		{"lone brace", Signed{}, "{body}}", "at byte 6"},
		{"unknown token", Signed{}, "v0:{nody}", "at byte 3: unknown token {nody}"},
		{"token without a name", Signed{}, "{header:}", "at byte 0"},
		{"host", Signed{}, "{header:Host}", "{req:host}"},
		{"bad pointer", Signed{}, "{json:id}", "not a JSON Pointer"},
		{"no source of the timestamp", Signed{}, "{timestamp}{body}", "no source"},
		{"unsigned timestamp", stamped, "{body}", "not part of the content"},
		{"no source of the id", Signed{}, "{id}{body}", "no source"},
		{"unsigned id", Signed{ID: Header("X-Id")}, "{body}", "not part of the content"},
		{"custom without a function", Signed{}, "{custom}", "{custom}"},
		{"only literal", Signed{}, "abc", "nothing of the request"},
		{"only the secret", Signed{}, "{secret}", "nothing of the request"},
		{"empty", Signed{}, "", "nothing of the request"},
		{"unknown encoding", Signed{Encoding: "base32"}, "{body}", "base32"},
		{"unknown unit", Signed{Unit: "h"}, "{body}", "unit"},
		{"key of the wrong kind", Signed{Key: KeyPEM}, "{body}", "format"},
		{"negative tolerance", Signed{Tolerance: -1}, "{body}", "negative"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.signed.Signature, tt.signed.Content = Header("X-Sig"), tt.content
			s := HMAC{Hash: SHA256, Signed: tt.signed}
			v, err := s.Build("test", Config{Keys: testKeys(t, "secret")})
			if err == nil || v != nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "test: ") {
				t.Errorf("got %v, %v, want an error of test with %q", v, err, tt.want)
			}
			if err := s.check(); err == nil {
				t.Error("check: got success")
			}
		})
	}
}

func TestTemplateTokens(t *testing.T) {
	t.Parallel()
	req := testRequest(t, `{"m":"v"}`, "X-One", "1", "X-Time", "1700000000", "X-Id", "i")
	form := testRequest(t, "f=1", "Content-Type", formType, "X-Time", "1700000000", "X-Id", "i")
	tests := []struct {
		content, want string
		req           *Request
		covers        Source
	}{
		{"{body}", `{"m":"v"}`, req, JSON("/m")},
		{"{{{body}}}", `{{"m":"v"}}`, req, JSON("/m")},
		{"{url}", "https://hooks.example.com/in?a=1&b=2", req, Query("a")},
		{"{header:x-one}", "1", req, Header("X-One")},
		{"{query:b}", "2", req, Query("b")},
		{"{form:f}", "1", form, Form("f")},
		{"{json:/m}", "v", req, JSON("/m")},
		{"{req:method} {req:path} {req:host} {req:query}", "POST /in hooks.example.com a=1&b=2", req, Const("x")},
		{"{secret}.{body}", `secret.{"m":"v"}`, req, JSON("/other")},
		{
			"{sha256:body}", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
			testRequest(t, "", "X-Time", "1700000000", "X-Id", "i"), JSON("/any"),
		},
		{"{custom}{custom}", "cc", req, Header("X-Custom")},
	}
	for _, tt := range tests {
		t.Run(tt.content, func(t *testing.T) {
			s := Signed{Signature: Header("X-Sig"), Content: tt.content + "|{timestamp}{id}", Timestamp: Header("X-Time"), ID: Header("X-Id")}
			if strings.Contains(tt.content, "custom") {
				s.Custom = func(dst []byte, _ *Request) ([]byte, error) { return append(dst, 'c'), nil }
				s.CustomCovers = Coverage{Headers: []string{"X-Custom"}}
			}
			c, err := s.compile(KeyText)
			if err != nil {
				t.Fatal(err)
			}
			sc := new(scratch)
			sc.timestamp, sc.id = "1700000000", "i"
			if field, err := c.template.resolve(sc, tt.req, c.Custom); err != nil {
				t.Fatal(field, err)
			}
			c.template.write(&sc.content, sc, tt.req, []byte("secret"))
			if got, want := sc.content.String(), tt.want+"|1700000000i"; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			for _, covered := range []Source{tt.covers, s.Timestamp, s.ID} {
				if !c.covers.Covers(covered) {
					t.Errorf("%s is not covered: %+v", covered, c.covers)
				}
			}
			if c.covers.Covers(Header("X-Other")) {
				t.Error("a header is covered that is not signed")
			}
		})
	}
}

func TestCoverageOfParts(t *testing.T) {
	t.Parallel()
	c, err := StandardWebhooks("svix", "webhook").compile()
	if err != nil {
		t.Fatal(err)
	}
	if !c.covers.Covers(First(Header("Svix-Id"), Header("Webhook-Id"))) {
		t.Error("the id as it is read is not covered")
	}
	// Beside svix-id, anybody can add a webhook-id.
	if c.covers.Covers(Header("Webhook-Id")) {
		t.Error("a header is covered that is signed only in the absence of another")
	}
}
