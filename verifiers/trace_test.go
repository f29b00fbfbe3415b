package verifiers

import (
	"strings"
	"testing"
)

// TestTrace checks that a verifier says what it compares with signatures, and that
// no secret is in it.
func TestTrace(t *testing.T) {
	t.Parallel()
	const secret = "s3cret-of-the-test"
	signed := Signed{Signature: Header("X-Sig"), Timestamp: Header("X-Time"), Content: "{timestamp}.{req:method}.{header:X-A}.{query:q}.{json:/a}.{body}"}
	for name, tt := range map[string]struct {
		scheme Scheme
		want   string
	}{
		"hmac": {HMAC{Hash: SHA256, Signed: signed}, "1000.POST.av.qv.1." + `{"a":1}`},
		"digest": {
			Digest{Hash: SHA256, Signed: Signed{Signature: Header("X-Sig"), Content: "{body}{secret}{sha1:body}{base64:body}"}},
			`{"a":1}<secret>9f89c740ceb46d7418c924a78ac57941d5e96520eyJhIjoxfQ==`,
		},
		"custom": {HMAC{Hash: SHA256, Signed: Signed{
			Signature: Header("X-Sig"), Content: "{{{custom}}}",
			Custom: func(dst []byte, _ *Request) ([]byte, error) { return append(dst, "made"...), nil },
		}}, "{made}"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var texts []Text
			p := Provider{Name: "test", Scheme: tt.scheme}
			v, err := p.New(Config{Keys: testKeys(t, secret), Trace: func(text Text) { texts = append(texts, text) }})
			if err != nil {
				t.Fatal(err)
			}
			req := testRequest(t, `{"a":1}`, "X-Sig", sum256("other", "x"), "X-Time", "1000", "X-A", "av")
			u := *req.URL
			u.RawQuery = "q=qv"
			req.URL = &u
			if _, err := v.Verify(t.Context(), req); err == nil {
				t.Error("the signature of another text fits")
			}
			if len(texts) != 1 || texts[0].Signature != "header X-Sig" {
				t.Fatalf("got %+v, want one text", texts)
			}
			if got := string(texts[0].Bytes("<secret>")); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			for _, part := range texts[0].Parts {
				if strings.Contains(string(part.Value), secret) || part.Secret && len(part.Value) > 0 {
					t.Errorf("the part %q shows the secret", part.Token)
				}
			}
		})
	}
}
