package gateway_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// TestDiagnosis checks that a refusal is explained to the observer, to nobody
// else, and not more often than once in a second after the first five.
func TestDiagnosis(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		rt, pub, obs := newRoute(t, func(c *gateway.Config) {
			key, err := verifiers.NewKey("k1", []byte(secret))
			if err != nil {
				t.Fatal(err)
			}
			p, cfg := c.Provider, verifiers.Config{
				Keys: verifiers.Keys{key}, Options: map[string]string{"verify_token": verifyToken, "confirm": "on"},
			}
			c.Diagnose = func(ctx context.Context, req *verifiers.Request, err error) verifiers.Diagnosis {
				asked++
				return p.Diagnose(ctx, cfg, req, err)
			}
		})
		refuse := func(n int) {
			for range n {
				req := newRequest(t, "http://hooks.example.com/hook", "d-1", payload("d-1")+"\n")
				req.Header.Set("X-Hub-Signature-256", sign(payload("d-1")))
				got := rt.Handle(nil, gateway.Request{Request: req})
				if got.Status != 401 || strings.Contains(string(got.Body), "newline") {
					t.Fatalf("got %d, %s", got.Status, got.Body)
				}
			}
		}
		refuse(10)
		if asked != 5 {
			t.Errorf("got %d diagnoses of ten refusals in no time, want 5", asked)
		}
		time.Sleep(time.Second)
		refuse(3)
		if asked != 6 {
			t.Errorf("got %d diagnoses a second later, want 6", asked)
		}
		time.Sleep(time.Minute)
		rt.Handle(nil, gateway.Request{Request: newRequest(t, "http://hooks.example.com/hook", "d-2", payload("d-2"))})
		if asked != 6 {
			t.Error("an authentic request was diagnosed")
		}
		records := obs.Records()
		if got := records[0].Diagnosis.String(); got != "body_modified: a newline was added at the end" {
			t.Errorf("got %q", got)
		}
		if got := records[9].Diagnosis; got != (verifiers.Diagnosis{}) {
			t.Errorf("the tenth refusal: got %q", got)
		}
		if n := len(pub.Events()); n != 1 {
			t.Errorf("got %d events, want the authentic one", n)
		}
	})
}
