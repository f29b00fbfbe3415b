package providers_test

import (
	"cmp"
	"errors"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"testing"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
)

// TestIDsAreMoreThanTypes: what Join is about first has to be there, and the rest
// need not. If the first is the type, events of that type that lack the rest would
// all have one id, and all but the first would be dropped.
func TestIDsAreMoreThanTypes(t *testing.T) {
	t.Parallel()
	for _, p := range providers.All() {
		lists := []struct{ id, typ verifiers.Source }{{p.ID, p.Type}}
		if p.Batch != nil {
			lists = append(lists, struct{ id, typ verifiers.Source }{p.Batch.ID, p.Batch.Type})
		}
		for _, l := range lists {
			for _, id := range alternatives(l.id) {
				for len(id.Join) > 0 {
					id = id.Join[0]
				}
				for _, first := range alternatives(id) {
					if !first.IsZero() && slices.ContainsFunc(parts(l.typ), func(s verifiers.Source) bool { return reflect.DeepEqual(s, first) }) {
						t.Errorf("%s: an id begins with %s, which is the type", p.Name, first)
					}
				}
			}
		}
	}
}

// alternatives are the sources of which one counts.
func alternatives(s verifiers.Source) []verifiers.Source {
	if len(s.First) == 0 {
		return []verifiers.Source{s}
	}
	var list []verifiers.Source
	for _, part := range s.First {
		list = append(list, alternatives(part)...)
	}
	return list
}

// parts are all sources that a source is made of.
func parts(s verifiers.Source) []verifiers.Source {
	list := []verifiers.Source{s}
	for _, part := range slices.Concat(s.First, s.Join) {
		list = append(list, parts(part)...)
	}
	return list
}

// TestEventIDs checks that two events that a sender gives the same id, or none,
// are told apart, and that a retry is not.
func TestEventIDs(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		provider   string
		media      string         // default JSON
		headers    [2]http.Header // of the two events
		a, b       string         // different events
		retryOf, r string         // the same event twice
	}{
		{
			provider: "autotask",
			a:        `{"Guid":"w","EventTime":"2026-01-02T03:04:05Z","Id":1,"Action":"Update"}`,
			b:        `{"Guid":"w","EventTime":"2026-01-02T03:04:06Z","Id":1,"Action":"Update"}`,
		},
		{
			provider: "meraki",
			a:        `{"alertId":"0000000000000000","occurredAt":"2026-01-02T03:04:05Z","networkId":"N"}`,
			b:        `{"alertId":"0000000000000000","occurredAt":"2026-01-02T03:04:06Z","networkId":"N"}`,
		},
		{
			provider: "pipedrive",
			a:        `{"meta":{"id":1,"timestamp":1767323045,"action":"updated","object":"deal"}}`,
			b:        `{"meta":{"id":1,"timestamp":1767323046,"action":"updated","object":"deal"}}`,
			retryOf:  `{"meta":{"id":"u","timestamp":"2026-01-02T03:04:05Z","action":"change","entity":"deal","attempt":1}}`,
			r:        `{"meta":{"id":"u","timestamp":"2026-01-02T03:04:05Z","action":"change","entity":"deal","attempt":2}}`,
		},
		{
			provider: "elevenlabs",
			a:        `{"type":"post_call_transcription","data":{"conversation_id":"c"}}`,
			b:        `{"type":"post_call_audio","data":{"conversation_id":"c"}}`,
		},
		{
			provider: "hubspot-v3",
			a:        `[{"eventId":1,"subscriptionId":2,"occurredAt":3}]`,
			b:        `[{"eventId":1,"subscriptionId":2,"occurredAt":4}]`,
			retryOf:  `[{"eventId":1,"subscriptionId":2,"occurredAt":3,"attemptNumber":0}]`,
			r:        `[{"eventId":1,"subscriptionId":2,"occurredAt":3,"attemptNumber":1}]`,
		},
		{
			provider: "mux",
			a:        `{"id":"1"}`, b: `{"id":"2"}`,
			retryOf: `{"id":"1","attempts":[]}`, r: `{"id":"1","attempts":[{}]}`,
		},
		{
			provider: "zoom", // two join in one millisecond
			a:        `{"event":"meeting.participant_joined","event_ts":1767323045000,"payload":{"object":{"uuid":"u","participant":{"user_id":"1"}}}}`,
			b:        `{"event":"meeting.participant_joined","event_ts":1767323045000,"payload":{"object":{"uuid":"u","participant":{"user_id":"2"}}}}`,
		},
		{
			provider: "clickup", // without a history
			a:        `{"event":"listCreated","list_id":"1","webhook_id":"w"}`,
			b:        `{"event":"listCreated","list_id":"2","webhook_id":"w"}`,
		},
		{
			provider: "postmark", // opened twice
			a:        `{"RecordType":"Open","MessageID":"m","ReceivedAt":"2026-01-02T03:04:05Z"}`,
			b:        `{"RecordType":"Open","MessageID":"m","ReceivedAt":"2026-01-02T03:05:05Z"}`,
		},
		{
			provider: "webflow", // changed twice
			a:        `{"triggerType":"collection_item_changed","payload":{"id":"i","lastUpdated":"2026-01-02T03:04:05Z"}}`,
			b:        `{"triggerType":"collection_item_changed","payload":{"id":"i","lastUpdated":"2026-01-02T03:05:05Z"}}`,
		},
		{
			provider: "messagebird", // sent and delivered
			a:        `{"type":"message.updated","message":{"id":"m","status":"sent"}}`,
			b:        `{"type":"message.updated","message":{"id":"m","status":"delivered"}}`,
		},
		{
			provider: "vonage", // digits twice in one call
			a:        `{"uuid":"u","dtmf":"1","timestamp":"2026-01-02T03:04:05.000Z"}`,
			b:        `{"uuid":"u","dtmf":"1","timestamp":"2026-01-02T03:04:06.000Z"}`,
		},
		{
			provider: "mailchimp", // two addresses cleaned in one second
			media:    "application/x-www-form-urlencoded",
			a:        `type=cleaned&fired_at=2026-01-02+03:04:05&data[email]=a@example.com`,
			b:        `type=cleaned&fired_at=2026-01-02+03:04:05&data[email]=b@example.com`,
		},
		{
			provider: "patreon", // one body for two types
			headers:  [2]http.Header{{"X-Patreon-Event": {"members:create"}}, {"X-Patreon-Event": {"members:pledge:create"}}},
			a:        `{}`, b: `{}`, retryOf: `{}`, r: `{}`,
		},
	} {
		p, _ := providers.Lookup(tt.provider)
		id := func(body string, n int) string {
			header := http.Header{"Content-Type": {cmp.Or(tt.media, "application/json")}, "X-Patreon-Signature": {"0a1b"}}
			maps.Copy(header, tt.headers[n])
			req := &verifiers.Request{Method: "POST", Header: header, Body: []byte(body)}
			v, err := p.ID.Lookup(req)
			if err != nil {
				t.Errorf("%s: %v", tt.provider, err)
			}
			return v
		}
		if a, b := id(tt.a, 0), id(tt.b, 1); a == b {
			t.Errorf("%s: two events have the id %s", tt.provider, a)
		}
		if tt.retryOf == "" {
			continue
		}
		if a, b := id(tt.retryOf, 0), id(tt.r, 0); a != b {
			t.Errorf("%s: a retry has the id %s, the event %s", tt.provider, b, a)
		}
	}
}

// TestNoID: without what tells its events apart an event has no id, rather than
// one that others share.
func TestNoID(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"elevenlabs":      `{"type":"voice_removal_notice","data":{}}`,
		"ably":            `{"source":"channel.lifecycle","data":{}}`,
		"sendbird":        `{"category":"user:block","payload":{}}`,
		"microsoft-graph": `{"value":[{"subscriptionId":"s","resource":"users/1","changeType":"updated"}]}`,
		"adyen":           `{"notificationItems":[{"NotificationRequestItem":{"eventCode":"REPORT_AVAILABLE","success":"true"}}]}`,
		"vapi":            `{"message":{"type":"speech-update","call":{"id":"c"}}}`,
	} {
		p, _ := providers.Lookup(name)
		req := &verifiers.Request{Method: "POST", Header: http.Header{}, Body: []byte(body)}
		if id, err := p.ID.Lookup(req); !errors.Is(err, verifiers.ErrMissing) {
			t.Errorf("%s: got %q, %v, want %v", name, id, err, verifiers.ErrMissing)
		}
	}
}
