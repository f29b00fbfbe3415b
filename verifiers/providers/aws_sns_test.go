package providers

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// fetches counts what is fetched, and has nothing.
type fetches int

func (f *fetches) Fetch(context.Context, verifiers.Pin, string) ([]byte, error) {
	*f++
	return nil, errors.New("there is nothing")
}

func TestSNSOptions(t *testing.T) {
	t.Parallel()
	tests := []struct {
		topics string
		err    error
	}{
		{"arn:aws:sns:us-east-1:123456789012:name", nil},
		{"arn:aws:sns:us-east-1:123456789012:one\n arn:aws-cn:sns:cn-north-1:123456789012:two.fifo", nil},
		{"", verifiers.ErrOption},
		{"name", verifiers.ErrOption},
		{"arn:aws:sns:us-east-1:123456789012", verifiers.ErrOption},
		{"arn:aws:sns:us-east-1:123456789012:name *", verifiers.ErrOption},
	}
	for _, tt := range tests {
		v, err := AWSSNS.New(verifiers.Config{Fetcher: new(fetches), Options: map[string]string{"topic_arn": tt.topics}})
		if !errors.Is(err, tt.err) || (v == nil) != (tt.err != nil) {
			t.Errorf("%q: got %v, %v, want %v", tt.topics, v, err, tt.err)
		}
	}
}

// TestSNSFetchesLittle checks that a stranger cannot make us fetch anything.
func TestSNSFetchesLittle(t *testing.T) {
	t.Parallel()
	const topic = "arn:aws:sns:us-east-1:123456789012:name"
	envelope := func(topic, version, signature, cert string) string {
		return `{"Type":"Notification","MessageId":"1","Message":"m","Timestamp":"2026-01-02T03:04:05Z","TopicArn":"` +
			topic + `","SignatureVersion":"` + version + `","Signature":"` + signature + `","SigningCertURL":"` + cert + `"}`
	}
	const cert = "https://sns.us-east-1.amazonaws.com/a.pem"
	tests := []struct {
		name, body string
		fetched    fetches
		err        error
	}{
		{"all is well but the server", envelope(topic, "2", "AAAA", cert), 1, verifiers.ErrUnavailable},
		{"China", envelope(topic, "2", "AAAA", "https://sns.cn-north-1.amazonaws.com.cn/a.pem"), 1, verifiers.ErrUnavailable},
		{"another topic", envelope(topic+"2", "2", "AAAA", cert), 0, verifiers.ErrUntrusted},
		{"another host", envelope(topic, "2", "AAAA", "https://sns.us-east-1.amazonaws.com.example/a.pem"), 0, verifiers.ErrUntrusted},
		{"another service", envelope(topic, "2", "AAAA", "https://s3.us-east-1.amazonaws.com/a.pem"), 0, verifiers.ErrUntrusted},
		{"a bucket named sns", envelope(topic, "2", "AAAA", "https://sns.s3.us-east-1.amazonaws.com/a.pem"), 0, verifiers.ErrUntrusted},
		{"not a certificate", envelope(topic, "2", "AAAA", "https://sns.us-east-1.amazonaws.com/a.pem?x=.txt"), 1, verifiers.ErrUnavailable},
		{"a path without .pem", envelope(topic, "2", "AAAA", "https://sns.us-east-1.amazonaws.com/?a.pem"), 0, verifiers.ErrUntrusted},
		{"HTTP", envelope(topic, "2", "AAAA", "http://sns.us-east-1.amazonaws.com/a.pem"), 0, verifiers.ErrUntrusted},
		{"unknown version", envelope(topic, "3", "AAAA", cert), 0, verifiers.ErrUntrusted},
		{"no base64", envelope(topic, "2", "AA", cert), 0, verifiers.ErrMalformed},
		{"no signature", envelope(topic, "2", "", cert), 0, verifiers.ErrMissing},
		{"not an object", `[]`, 0, verifiers.ErrMalformed},
		{"not JSON", `hello`, 0, verifiers.ErrMalformed},
		{"nothing", ``, 0, verifiers.ErrMalformed},
		{"cut", envelope(topic, "2", "AAAA", cert)[:100], 0, verifiers.ErrMalformed},
		{"a member of another kind", `{"Message":1}`, 0, verifiers.ErrMalformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var f fetches
			v, err := AWSSNS.New(verifiers.Config{Fetcher: &f, Options: map[string]string{"topic_arn": topic}})
			if err != nil {
				t.Fatal(err)
			}
			_, err = v.Verify(t.Context(), &verifiers.Request{Method: "POST", Header: http.Header{}, Body: []byte(tt.body)})
			if !errors.Is(err, tt.err) || f != tt.fetched {
				t.Errorf("got %v and %d fetches, want %v and %d", err, f, tt.err, tt.fetched)
			}
		})
	}
}
