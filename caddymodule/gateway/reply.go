package gateway

import (
	"maps"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// reply is an answer that is ready to be copied.
type reply struct {
	status int
	header http.Header
	body   []byte
}

const plainText = "text/plain; charset=utf-8"

func newHeader(contentType string) http.Header {
	h := make(http.Header, 6)
	h["Cache-Control"] = []string{"no-store"}
	h["X-Content-Type-Options"] = []string{"nosniff"}
	if contentType != "" {
		h["Content-Type"] = []string{contentType}
	}
	return h
}

// fixedReply renders a Reply without its Echo.
func fixedReply(r verifiers.Reply) reply {
	a := verifiers.Answer{Status: r.Status, ContentType: r.ContentType, Body: []byte(r.Body), Header: r.Header}
	if a.Status == 0 {
		a.Status = http.StatusOK
	}
	switch {
	case r.Body == "":
		a.ContentType, a.Body = "", nil
	case r.ContentType == "":
		a.ContentType = plainText
	}
	return renderAnswer(a)
}

func renderAnswer(a verifiers.Answer) reply {
	h := newHeader(a.ContentType)
	for name, value := range a.Header {
		h.Set(name, value)
	}
	return reply{status: a.Status, header: h, body: a.Body}
}

// Refusal returns the answer for an outcome that is not a success to a request
// that no route has seen, such as one for an unknown tenant (NotFound). It has
// a new request id, and nobody has observed it.
func Refusal(o Outcome) Result {
	now := time.Now()
	res := Result{Record: Record{RequestID: newULID(now), Outcome: o, Reason: o.Reason(), Start: now}}
	if o.Success() {
		res.Outcome, res.Reason = Internal, Internal.Reason()
	}
	res.refuse(0, nil, false)
	return res
}

// refuse renders the answer for an outcome that is not a success. A sender that
// never repeats what was answered with a 4xx gets a 503 for what is refused only
// for now.
func (r *Result) refuse(wait time.Duration, jitter func(int) int, final4xx bool) {
	a := answers[r.Outcome]
	if final4xx && r.Outcome.passing() {
		a.status, a.code, a.retry = http.StatusServiceUnavailable, answers[Overloaded].code, max(a.retry, 1)
	}
	r.Status, r.Code = a.status, a.code
	r.Header = newHeader(plainText)
	r.Body = []byte(a.code + " " + r.RequestID + "\n")
	if a.retry == 0 {
		return
	}
	if jitter == nil {
		jitter = func(n int) int { return rand.IntN(n + 1) } //nolint:gosec // to spread retries, not to hide them
	}
	// Rounded up, because a retry that is too early is refused again.
	seconds := max(a.retry, int((wait+time.Second-1)/time.Second))
	r.Header["Retry-After"] = []string{strconv.Itoa(seconds + jitter(seconds/2))}
}

func (r *Result) answer(with reply) {
	r.Status, r.Header, r.Body = with.status, maps.Clone(with.header), with.body
}

// Write sends the answer.
func (r *Result) Write(w http.ResponseWriter) error {
	maps.Copy(w.Header(), r.Header)
	w.WriteHeader(r.Status)
	if len(r.Body) == 0 {
		return nil
	}
	_, err := w.Write(r.Body)
	return err
}
