package gateway

import (
	"context"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// diagnoses is how often a route may look for the cause of a refusal. Strangers
// can cause refusals at any rate, and each search costs as much as some forty
// verifications.
var diagnoses = Rate{Count: 1, Per: time.Second, Burst: 5}

// A Diagnoser finds out why the verifier refused a request with err. See
// [verifiers.Provider.Diagnose].
type Diagnoser func(ctx context.Context, req *verifiers.Request, err error) verifiers.Diagnosis

// diagnose finds out why the request was refused, if it may.
func (x *exchange) diagnose(err error) {
	rt := x.route
	if rt.cfg.Diagnose == nil {
		return
	}
	if _, ok := rt.diagnoses.Take(rt.now(), 1); ok {
		x.res.Diagnosis = rt.cfg.Diagnose(x.ctx, x.signed(), err)
	}
}
