package providers_test

import (
	"errors"
	"net/http"
	"net/url"
	"testing"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
)

func TestAttributes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		provider          string
		header            http.Header
		query, body       string
		id, eventType, at string
	}{
		{
			provider: "github", body: `{"action":"opened"}`, id: "72d3162e", eventType: "pull_request.opened",
			header: http.Header{"X-Github-Delivery": {"72d3162e"}, "X-Github-Event": {"pull_request"}},
		},
		{
			provider: "github", body: `{}`, id: "72d3162e", eventType: "push",
			header: http.Header{"X-Github-Delivery": {"72d3162e"}, "X-Github-Event": {"push"}},
		},
		{
			provider: "github", body: `payload=%7B%22action%22%3A%22opened%22%7D`, id: "72d3162e", eventType: "issues",
			header: http.Header{
				"X-Github-Delivery": {"72d3162e"}, "X-Github-Event": {"issues"},
				"Content-Type": {"application/x-www-form-urlencoded"},
			},
		},
		{
			provider: "stripe", body: `{"id":"evt_1","type":"invoice.paid","created":1767323045}`,
			id: "evt_1", eventType: "invoice.paid", at: "1767323045",
		},
		{
			provider: "slack", body: `{"type":"event_callback","event_id":"Ev1","event":{"type":"message"},"event_time":1767323045}`,
			id: "Ev1", eventType: "message", at: "1767323045",
		},
		{
			provider: "slack", body: `command=%2Fweather&trigger_id=1.2`, id: "1.2", eventType: "/weather",
			header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}},
		},
		{
			provider: "standard-webhooks", body: `{"type":"invoice.paid"}`, id: "msg_1", eventType: "invoice.paid",
			header: http.Header{"Webhook-Id": {"msg_1"}},
		},
		{
			provider: "svix", body: `{"event_type":"ping"}`, id: "msg_1", eventType: "ping",
			header: http.Header{"Svix-Id": {"msg_1"}, "Webhook-Id": {"msg_2"}},
		},
		{
			provider: "svix", body: `{"type":"ping"}`, id: "msg_2", eventType: "ping",
			header: http.Header{"Webhook-Id": {"msg_2"}},
		},
		{
			provider: "shopify", body: `{}`, id: "b545", eventType: "orders/create", at: "2026-01-02T03:04:05Z",
			header: http.Header{
				"X-Shopify-Webhook-Id": {"b545"}, "X-Shopify-Topic": {"orders/create"},
				"X-Shopify-Triggered-At": {"2026-01-02T03:04:05Z"},
			},
		},
		{
			provider: "shopify", body: `{}`, id: "b545", eventType: "Product/update",
			header: http.Header{"Shopify-Webhook-Id": {"b545"}, "Shopify-Topic": {"Product"}, "Shopify-Action": {"update"}},
		},
		{
			provider: "gitlab", body: `{"object_kind":"push"}`, id: "ada5", eventType: "push",
			header: http.Header{"Idempotency-Key": {"ada5"}, "X-Gitlab-Event": {"Push Hook"}},
		},
		{
			provider: "gitlab", body: `{"object_kind":"merge_request","object_attributes":{"action":"open"}}`,
			eventType: "merge_request.open",
		},
		{provider: "gitlab", body: `{"event_name":"project_create"}`, eventType: "project_create"},
		{
			provider: "gitlab-signing-token", body: `{"custom":true}`, id: "msg_1", eventType: "Push Hook",
			header: http.Header{"Webhook-Id": {"msg_1"}, "X-Gitlab-Event": {"Push Hook"}},
		},
		{
			provider: "twilio", body: `MessageStatus=delivered&SmsStatus=sent`, id: "e2a3", eventType: "delivered",
			header: http.Header{
				"I-Twilio-Idempotency-Token": {"e2a3"}, "Content-Type": {"application/x-www-form-urlencoded"},
			},
		},
		{provider: "twilio", query: "CallStatus=ringing", eventType: "ringing"},
		{
			provider: "twilio", body: `[{"type":"com.twilio.messaging.message.sent"}]`,
			eventType: "com.twilio.messaging.message.sent", header: http.Header{"Content-Type": {"application/json"}},
		},
		{provider: "discord", body: `{"id":"846","type":2}`, id: "846", eventType: "2"},
		{
			provider:  "discord-webhook-events",
			body:      `{"type":1,"event":{"type":"ENTITLEMENT_CREATE","timestamp":"2026-01-02T03:04:05Z"}}`,
			eventType: "ENTITLEMENT_CREATE", at: "2026-01-02T03:04:05Z",
		},
		{
			provider: "sendgrid", body: `[{"sg_event_id":"a","event":"open","timestamp":1767323045},{"sg_event_id":"b"}]`,
			id: "a", eventType: "batch", at: "1767323045",
		},
		{
			provider: "aws-sns", body: `{"MessageId":"22b8","Type":"Notification","Timestamp":"2026-01-02T03:04:05Z"}`,
			id: "22b8", eventType: "Notification", at: "2026-01-02T03:04:05Z",
		},
		{
			provider: "meta", body: `{"object":"page"}`, id: "a99c", eventType: "page",
			header: http.Header{"X-Hub-Signature-256": {"sha256=a99c"}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.provider+" "+tt.eventType, func(t *testing.T) {
			t.Parallel()
			p, ok := providers.Lookup(tt.provider)
			if !ok {
				t.Fatal("not in the catalogue")
			}
			req := &verifiers.Request{
				Method: "POST", Header: tt.header, Body: []byte(tt.body),
				URL: &url.URL{Scheme: "https", Host: "example.com", Path: "/", RawQuery: tt.query},
			}
			if req.Header == nil {
				req.Header = http.Header{}
			}
			if tt.body == "" {
				req.Method = "GET"
			} else if req.Header["Content-Type"] == nil {
				req.Header["Content-Type"] = []string{"application/json"}
			}
			for _, a := range []struct {
				what   string
				source verifiers.Source
				want   string
			}{{"id", p.ID, tt.id}, {"type", p.Type, tt.eventType}, {"time", p.Time, tt.at}} {
				if a.source.IsZero() && a.want == "" {
					continue
				}
				got, err := a.source.Lookup(req)
				lacking := a.want == "" && errors.Is(err, verifiers.ErrMissing)
				if got != a.want || err != nil && !lacking {
					t.Errorf("%s: got %q, %v, want %q", a.what, got, err, a.want)
				}
			}
		})
	}
}
