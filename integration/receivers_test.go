package integration

import (
	"bytes"
	"compress/gzip"
	"crypto"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"
)

// receiver is a receiver of webhooks that somebody might have written: right, or
// with one flaw. It knows nothing of this module, so that a mistake of ours is not
// in both the sender and the receiver.
type receiver struct {
	family, flaw string
	secret       string
	public       crypto.PublicKey
	url          string // as the sender addresses it

	requests atomic.Int64
	slow     sync.Mutex // of receivers that serve one at a time

	mu        sync.Mutex
	seen      map[string][sha256.Size]byte
	under     map[string]bool // under way
	processed int64
}

const (
	receiverLimit = 1 << 20
	verifyToken   = "a-verify-token-of-our-own"
)

func (rc *receiver) has(flaw string) bool { return rc.flaw == flaw }

// refused is why a request is not taken.
type refused struct {
	status int
	text   string
}

func (r refused) Error() string { return r.text }

// ServeHTTP receives one event.
func (rc *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/count" {
		rc.mu.Lock()
		defer rc.mu.Unlock()
		fmt.Fprintln(w, rc.processed)
		return
	}
	if n := rc.requests.Add(1); rc.has("retry-after") && n%7 == 0 {
		// Once for each event, so that whoever comes again is served.
		rc.mu.Lock()
		id := r.Method + r.Header.Get("X-GitHub-Delivery")
		busy := !rc.under[id]
		rc.under[id] = true
		rc.mu.Unlock()
		if busy {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
	}
	if rc.has("deadline") {
		time.Sleep(120 * time.Millisecond)
	}
	status, text, err := rc.receive(w, r)
	var no refused
	switch {
	case errors.As(err, &no):
		rc.refuse(w, r, no)
	case err != nil:
		http.Error(w, err.Error(), http.StatusInternalServerError)
	default:
		if rc.flaw == "handshake-script" && r.Method == http.MethodGet {
			w.Header().Set("Content-Type", "text/html")
		} else if text != "" {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			w.Header().Set("X-Content-Type-Options", "nosniff")
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}
}

func (rc *receiver) refuse(w http.ResponseWriter, r *http.Request, no refused) {
	if no.status == http.StatusUnauthorized {
		switch rc.flaw {
		case "refusal-redirect":
			http.Redirect(w, r, "/login", http.StatusFound)
			return
		case "refusal-internals":
			no.text = "Traceback (most recent call last):\n  File \"/srv/app/hooks.py\", line 12, in hook"
		case "answer-secret":
			no.text = "config: {secret: " + rc.secret + "}"
		case "keep-alive":
			rc.hurry(w)
			return
		case "200-anyway":
			no.status = http.StatusOK
		}
	}
	if rc.has("trace") {
		no.text += "\n\tat verify (/usr/src/app/node_modules/hook/index.js:12:3)"
	}
	if no.status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", http.MethodPost)
	}
	http.Error(w, no.text, no.status)
}

// hurry answers before the body is read, and then takes the body for a request.
func (rc *receiver) hurry(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")
	buf := make([]byte, 4096)
	_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	if n, err := conn.Read(buf); err == nil && n > 0 {
		_, _ = io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
	}
}

func (rc *receiver) receive(w http.ResponseWriter, r *http.Request) (int, string, error) {
	if r.URL.Path != "/hook" {
		if rc.has("url-path") && path.Clean(r.URL.Path) != r.URL.Path {
			return 0, "", errors.New("no route")
		}
		return 0, "", refused{http.StatusNotFound, "not found"}
	}
	if _, err := url.ParseQuery(r.URL.RawQuery); err != nil && rc.has("query-unsigned") {
		return 0, "", err
	}
	if rc.family == "slack" && (r.URL.Query().Get("ssl_check") == "1" || r.Method == http.MethodPost && sslCheck(r)) {
		return http.StatusOK, "", nil
	}
	if r.Method == http.MethodGet && rc.family == "meta" {
		return rc.subscribe(r)
	}
	if rc.has("method-read") && r.Method == http.MethodOptions {
		return 0, "", errors.New("no body")
	}
	if r.Method != http.MethodPost && (!rc.has("method-write") || r.Method != http.MethodPut) {
		return 0, "", refused{http.StatusMethodNotAllowed, "method not allowed"}
	}
	if err := rc.looks(r); err != nil {
		return 0, "", err
	}
	body, err := rc.read(w, r)
	if err != nil {
		return 0, "", err
	}
	if e, err := rc.parse(r, body); err == nil && rc.has("refused-unprocessed") {
		rc.mu.Lock()
		if _, known := rc.seen[e.id]; !known {
			rc.seen[e.id] = sha256.Sum256(body)
			rc.processed++
		}
		rc.mu.Unlock()
	}
	if text, ok := rc.challenge(body); ok && rc.has("handshake-unsigned") {
		return http.StatusOK, text, nil
	}
	if rc.has("body-changed") {
		rc.mu.Lock()
		_, known := rc.seen[r.Header.Get("X-GitHub-Delivery")]
		rc.mu.Unlock()
		if known {
			return rc.success(), "duplicate", nil
		}
	}
	if err := rc.verify(r, body); err != nil {
		if rc.has("unsigned-garbage") && rc.family != "twilio" && !json.Valid(body) {
			return 0, "", errors.New("logging the refused event: " + err.Error())
		}
		return 0, "", err
	}
	if text, ok := rc.challenge(body); ok {
		if rc.has("handshake") {
			text = "ok"
		}
		return http.StatusOK, text, nil
	}
	return rc.process(r, body)
}

// looks is about how the request is written.
func (rc *receiver) looks(r *http.Request) error {
	media := r.Header.Get("Content-Type")
	if rc.has("content-type-charset") && media != "application/json" {
		return refused{http.StatusUnsupportedMediaType, "unsupported media type"}
	}
	if rc.has("content-type-wrong") && media == "" {
		return errors.New("no content type")
	}
	if head, ok := r.Context().Value(headKey{}).(*recordedConn); ok {
		text := head.text()
		if rc.has("header-case") && !strings.Contains(text, "Stripe-Signature:") {
			return refused{http.StatusUnauthorized, "no signature"}
		}
		if rc.has("header-space") && strings.Contains(text, "Stripe-Signature:  ") {
			return refused{http.StatusUnauthorized, "no signature"}
		}
		if rc.has("header-folded") && strings.Contains(text, ",\r\n  two") {
			return errors.New("folded")
		}
	}
	return nil
}

func (rc *receiver) read(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if rc.has("slow-body") {
		rc.slow.Lock()
		defer rc.slow.Unlock()
	}
	limit := int64(receiverLimit)
	if rc.has("body-large") {
		limit = 100_000
	}
	in := http.MaxBytesReader(w, r.Body, limit)
	if rc.has("body-unlimited") {
		in = r.Body
	}
	if rc.has("chunked") {
		if r.ContentLength > limit {
			return nil, refused{http.StatusRequestEntityTooLarge, "too large"}
		}
		body := make([]byte, max(r.ContentLength, 0))
		_, err := io.ReadFull(in, body)
		return body, err
	}
	body, err := io.ReadAll(in)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge) && !rc.has("body-too-large"):
		return nil, refused{http.StatusRequestEntityTooLarge, "too large"}
	case errors.As(err, &tooLarge):
		return nil, err
	case err != nil:
		return nil, refused{http.StatusBadRequest, "the body is cut"}
	}
	if coding := r.Header.Get("Content-Encoding"); coding != "" {
		return rc.decode(coding, body)
	}
	return body, nil
}

// decode is about bodies that are compressed, which these senders never do.
func (rc *receiver) decode(coding string, body []byte) ([]byte, error) {
	in, err := gzip.NewReader(bytes.NewReader(body))
	switch rc.flaw {
	case "gzip":
		if err != nil {
			return nil, err
		}
	case "gzip-signed-inside":
		if coding == "gzip" && err == nil {
			if plain, err := io.ReadAll(io.LimitReader(in, receiverLimit)); err == nil {
				return plain, nil
			}
		}
	case "gzip-bomb":
		if err == nil {
			_, _ = io.Copy(io.Discard, in)
		}
		return body, nil
	}
	return nil, refused{http.StatusUnsupportedMediaType, "unsupported content coding"}
}

// subscribe answers Meta's handshake.
func (rc *receiver) subscribe(r *http.Request) (int, string, error) {
	q := r.URL.Query()
	text := q.Get("hub.challenge")
	switch {
	case q.Get("hub.mode") != "subscribe":
		return 0, "", refused{http.StatusMethodNotAllowed, "method not allowed"}
	case q.Get("hub.verify_token") != verifyToken && !rc.has("handshake-token"):
		return 0, "", refused{http.StatusForbidden, "forbidden"}
	case rc.has("handshake"):
		text = "ok"
	}
	return http.StatusOK, text, nil
}

// challenge answers Slack's handshake.
func (rc *receiver) challenge(body []byte) (string, bool) {
	var c struct{ Type, Challenge string }
	if rc.family != "slack" || json.Unmarshal(body, &c) != nil || c.Type != "url_verification" {
		return "", false
	}
	return c.Challenge, true
}

// receivedEvent is what is read of an event.
type receivedEvent struct {
	id, kind string
	created  int64
}

// process parses, deduplicates and counts.
func (rc *receiver) process(r *http.Request, body []byte) (int, string, error) {
	e, err := rc.parse(r, body)
	if err != nil {
		return 0, "", err
	}
	if rc.has("unknown-type") && strings.Contains(e.kind, "never_heard_of") {
		return 0, "", refused{http.StatusNotFound, "unknown event"}
	}
	if rc.has("old-event") && e.created > 0 && time.Since(time.Unix(e.created, 0)) > 24*time.Hour {
		return 0, "", refused{http.StatusBadRequest, "too old"}
	}
	if rc.has("good-request") {
		conn, _ := r.Context().Value(headKey{}).(*recordedConn)
		if conn != nil && conn.accepted.Add(1) > 1 {
			return 0, "", errors.New("the buffer is not empty")
		}
	}
	status, err := rc.store(e, body)
	text := "ok"
	if status == 204 {
		text = ""
	}
	return status, text, err
}

func (rc *receiver) success() int {
	switch {
	case rc.family == "discord-webhook-events":
		return http.StatusNoContent
	case rc.family == "pagerduty" && !rc.has("success-answer"):
		return http.StatusAccepted
	}
	return http.StatusOK
}

// store counts the event, once.
func (rc *receiver) store(e receivedEvent, body []byte) (int, error) {
	sum := sha256.Sum256(body)
	rc.mu.Lock()
	locked := true
	unlock := func() {
		if locked {
			rc.mu.Unlock()
			locked = false
		}
	}
	defer unlock()
	old, known := rc.seen[e.id]
	known = known && e.id != ""
	switch {
	case known && rc.has("duplicate"):
		return 0, refused{http.StatusConflict, "duplicate"}
	case known && rc.has("same-id") && old != sum:
		return 0, errors.New("another event has this id")
	case rc.has("concurrent") && rc.under[e.id]:
		return 0, errors.New("unique key violated")
	case rc.has("duplicate-once") && rc.under[e.id]:
		return rc.success(), nil
	case known && !rc.has("no-dedupe") && !rc.has("duplicate-once"):
		return rc.success(), nil
	case rc.has("processed") && rc.requests.Load()%2 == 0:
		return rc.success(), nil
	}
	if rc.has("concurrent") || rc.has("duplicate-once") || rc.has("concurrent-once") {
		// It takes a while, and others come in the meantime.
		rc.under[e.id] = true
		unlock()
		time.Sleep(150 * time.Millisecond)
		rc.mu.Lock()
		locked = true
		delete(rc.under, e.id)
	}
	rc.seen[e.id] = sum
	if !rc.has("refused-unprocessed") {
		rc.processed++
	}
	return rc.success(), nil
}

// parse reads what is needed of an event.
func (rc *receiver) parse(r *http.Request, body []byte) (receivedEvent, error) {
	e := receivedEvent{}
	h := r.Header
	if rc.family == "twilio" {
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return e, refused{http.StatusBadRequest, "no form"}
		}
		return receivedEvent{id: h.Get("I-Twilio-Idempotency-Token"), kind: form.Get("MessageStatus")}, nil
	}
	if err := rc.malformed(body); err != nil {
		return e, err
	}
	var doc any
	if err := json.Unmarshal(body, &doc); err != nil {
		return e, refused{http.StatusBadRequest, "no JSON"}
	}
	if list, ok := doc.([]any); ok && len(list) > 0 {
		doc = list[0]
	}
	object, ok := doc.(map[string]any)
	if !ok {
		if rc.has("json-broken") {
			return e, errors.New("no object")
		}
		return e, refused{http.StatusBadRequest, "no event"}
	}
	if _, new := object["conformance_new_member"]; rc.has("unknown-field") && (new || object["conformance_text"] != nil) {
		return e, refused{http.StatusBadRequest, "unknown field"}
	}
	text := func(names ...string) string {
		var v any = object
		for _, name := range names {
			m, _ := v.(map[string]any)
			v = m[name]
		}
		s, _ := v.(string)
		return s
	}
	if created, ok := object["created"].(float64); ok {
		e.created = int64(created)
	}
	switch rc.family {
	case "github":
		e.id, e.kind = h.Get("X-GitHub-Delivery"), h.Get("X-GitHub-Event")
	case "gitlab":
		e.id, e.kind = h.Get("Idempotency-Key"), text("object_kind")
	case "slack":
		e.id, e.kind = text("event_id"), text("event", "type")
	case "standard-webhooks":
		e.id, e.kind = h.Get("Webhook-Id"), text("type")
	case "pagerduty":
		e.id, e.kind = text("event", "id"), text("event", "event_type")
	case "stripe":
		e.id, e.kind = text("id"), text("type")
	case "postal":
		e.id, e.kind = text("uuid"), text("event")
	case "sendgrid":
		e.id, e.kind = text("sg_event_id"), text("event")
	default:
		sum := sha256.Sum256(body)
		e.id, e.kind = hex.EncodeToString(sum[:]), text("type")
	}
	return e, nil
}

// malformed has the flaws of receivers that fail where they should refuse.
func (rc *receiver) malformed(body []byte) error {
	var syntax *json.SyntaxError
	var doc any
	err := json.Unmarshal(body, &doc)
	deep := err != nil && strings.Contains(err.Error(), "depth")
	var tooBig *json.UnmarshalTypeError
	failed := false
	switch rc.flaw {
	case "json-broken":
		failed = errors.As(err, &syntax) && !deep && len(body) > 0
	case "json-deep":
		failed = deep
	case "json-numbers":
		failed = errors.As(err, &tooBig)
	case "json-bytes":
		failed = !utf8.Valid(body) || bytes.Contains(body, []byte(`\u0000`))
	case "json-prototype":
		failed = bytes.Contains(body, []byte("__proto__"))
	case "json-duplicates":
		failed = twice(body)
	case "body-empty":
		failed = len(body) == 0
	}
	if failed {
		return errors.New("unhandled: " + rc.flaw)
	}
	return nil
}

// twice reports whether the outermost object has a member twice.
func twice(body []byte) bool {
	dec := json.NewDecoder(bytes.NewReader(body))
	names := map[string]bool{}
	depth, name := 0, true
	for {
		tok, err := dec.Token()
		if err != nil {
			return false
		}
		switch v := tok.(type) {
		case json.Delim:
			if v == '{' || v == '[' {
				depth++
			} else {
				depth--
			}
			name = depth == 1 && (v == '}' || v == ']') || depth == 1 && v == '{'
			continue
		case string:
			if depth == 1 && name {
				if names[v] {
					return true
				}
				names[v], name = true, false
				continue
			}
		}
		if depth == 1 {
			name = true
		}
	}
}
