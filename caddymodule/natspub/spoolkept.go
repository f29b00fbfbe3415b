package natspub

import (
	"encoding/base64"
	"encoding/json"
	"maps"

	"github.com/nats-io/nats.go"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

// headerSpoolKept keeps the request of an event as long as it is in the spool, in
// the form of headerKept: the cluster may find that its id belongs to another, and
// then it goes into quarantine with its request, as any other. Consumers never see
// it.
const headerSpoolKept = "Wh-Spool-Kept"

// withRequest returns the message with its request, if that may be kept and there
// is room. What goes into quarantine has its own.
func (s *Spool) withRequest(m *message) *message {
	if m.stream == s.local.cfg.Quarantine.Name || !m.event.Dedupe {
		return m
	}
	request := m.event.KeptRequest()
	if request == nil {
		return m
	}
	text := keptText(m.event, gateway.Quarantine{Reason: reasonConflict, Request: request}, s.local.roomKept(m))
	if text == "" {
		return m
	}
	c := m.again()
	c.header = maps.Clone(m.header)
	c.header[headerSpoolKept] = []string{text}
	return c
}

// roomKept is how many bytes of the message are left for its request.
func (p *Publisher) roomKept(m *message) int64 {
	room := int64(largestKept)
	if most := p.cfg.Conn.MaxPayload(); most > 0 && !p.claims(m) {
		room = min(room, most-maxHeaders-int64(len(m.event.Body)))
	}
	return room
}

// takeRequest takes the request out of what was read from the spool, and returns
// it with the bytes that it took there.
func takeRequest(h nats.Header) (text string, size int64) {
	text = one(h, headerSpoolKept)
	if text == "" {
		return "", 0
	}
	delete(h, headerSpoolKept)
	return text, int64(len(headerSpoolKept) + len(text) + 4)
}

// keepRequest writes the request into the headers of a message for quarantine,
// with the event that has the id.
func (p *Publisher) keepRequest(m *message, text string, original gateway.Ack) {
	raw, err := base64.StdEncoding.DecodeString(text)
	var k keptHeader
	if err == nil {
		err = json.Unmarshal(raw, &k)
	}
	if err != nil || text == "" {
		return // without it the event can still be released
	}
	k.Stream, k.Sequence = original.Stream, original.Sequence
	if text, err = encodeKept(&k); err == nil && len(text) <= largestKept && int64(len(text)) <= p.roomKept(m) {
		m.header[headerKept] = []string{text}
	}
}
