package cli

import (
	"crypto/rand"
	"fmt"
	"math/big"
	"strings"
)

// sample is a small event in the provider's form. Id, type and time are written
// over it; another type changes the name only, not the payload.
type sample struct {
	kind   string // the type, if nobody chooses one
	id     func() string
	header map[string]string
	form   bool   // the body is a form, not JSON
	body   string // with a member for each source in it that is a number
	// finish writes what else depends on the type.
	finish func(d *draft, kind string)
}

// samples are by provider. A provider without one gets an event that has only
// what its sources name.
var samples = map[string]sample{
	"github": {
		kind:   "push",
		header: map[string]string{"X-GitHub-Hook-ID": "1", "X-GitHub-Hook-Installation-Target-Type": "repository"},
		body: `{"ref":"refs/heads/main","before":"0000000000000000000000000000000000000000",` +
			`"after":"6113728f27ae82c7b1a177c8d03f9e96e0adf246","commits":[],` +
			`"repository":{"id":1,"name":"hello","full_name":"octo/hello"},"sender":{"id":1,"login":"octo","type":"User"}}`,
	},
	// Senders that the operator describes: what the README's configuration wants.
	"hmac":                 {body: `{"event":"test","hello":"world"}`},
	"gitlab":               gitlab,
	"gitlab-signing-token": gitlab,
	"stripe": {
		kind: "invoice.paid",
		id:   prefixed("evt_"),
		body: `{"id":"","object":"event","api_version":"2026-01-28","created":0,"livemode":false,"pending_webhooks":1,` +
			`"request":{"id":null,"idempotency_key":null},"type":"",` +
			`"data":{"object":{"id":"in_1","object":"invoice","amount_due":1999,"amount_paid":1999,"currency":"eur","status":"paid"}}}`,
	},
	"slack": {
		kind: "message",
		id:   prefixed("Ev"),
		body: `{"team_id":"T0001","api_app_id":"A0001","type":"event_callback","event_id":"","event_time":0,` +
			`"event":{"type":"message","channel":"C0001","channel_type":"channel","user":"U0001","text":"hello","ts":"1355517523.000005"}}`,
	},
	"shopify": {
		kind: "orders/create",
		header: map[string]string{
			"X-Shopify-Topic": "orders/create", "X-Shopify-Shop-Domain": "hello.myshopify.com",
			"X-Shopify-Api-Version": "2026-10", "X-Shopify-Test": "true",
		},
		body: `{"id":820982911946154500,"name":"#9999","currency":"EUR","total_price":"19.99","line_items":[]}`,
	},
	"twilio": {
		kind: "delivered",
		form: true,
		body: "AccountSid=AC00000000000000000000000000000000&ApiVersion=2010-04-01&From=%2B15005550006&To=%2B15005550009" +
			"&MessageSid=SM00000000000000000000000000000000&MessageStatus=delivered",
	},
	"sendgrid": {
		id: prefixed("sg_"),
		body: `[{"email":"someone@example.com","timestamp":0,"event":"delivered","sg_event_id":"",` +
			`"sg_message_id":"14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0","smtp-id":"<14c5d75ce93.dfd.64b469@example.com>"}]`,
	},
	"meta": {
		kind: "page",
		body: `{"object":"page","entry":[{"id":"1","time":1767323045,"changes":[{"field":"feed","value":{"item":"status","verb":"add"}}]}]}`,
	},
	"discord-interactions": {
		kind: "2",
		id:   snowflake,
		body: `{"id":"","application_id":"2","type":2,"version":1,"token":"a-token","data":{"id":"3","name":"hello","type":1}}`,
	},
	"discord-webhook-events": {
		kind: "APPLICATION_AUTHORIZED",
		body: `{"version":1,"application_id":"2","type":1,"event":{"type":"","timestamp":"","data":{"scopes":["applications.commands"]}}}`,
	},
	"standard-webhooks":         standard,
	"standard-webhooks-ed25519": standard,
	"svix":                      standard,
}

var gitlab = sample{
	kind:   "push",
	header: map[string]string{"X-Gitlab-Instance": "https://gitlab.example.com"},
	body: `{"object_kind":"push","event_name":"push","ref":"refs/heads/main","before":"0000000000000000000000000000000000000000",` +
		`"after":"6113728f27ae82c7b1a177c8d03f9e96e0adf246","user_username":"octo","project_id":1,` +
		`"project":{"id":1,"name":"hello","path_with_namespace":"octo/hello"},"commits":[],"total_commits_count":0}`,
	finish: func(d *draft, kind string) {
		kind, _, _ = strings.Cut(kind, ".")
		words := strings.Split(kind, "_")
		for i, w := range words {
			if w != "" {
				words[i] = strings.ToUpper(w[:1]) + w[1:]
			}
		}
		d.req.Header.Set("X-Gitlab-Event", strings.Join(words, " ")+" Hook")
	},
}

var standard = sample{
	kind: "invoice.paid",
	id:   prefixed("msg_"),
	body: `{"type":"","timestamp":"","data":{"id":"inv_1","amount":1999,"currency":"eur"}}`,
}

// uuid returns a random UUID.
func uuid() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func prefixed(prefix string) func() string {
	return func() string { return prefix + rand.Text() }
}

// snowflake returns a number of 19 digits.
func snowflake() string {
	n, err := rand.Int(rand.Reader, big.NewInt(9e18))
	if err != nil {
		panic(err) // the system has no randomness
	}
	return n.Add(n, big.NewInt(1e18)).String()[:19]
}
