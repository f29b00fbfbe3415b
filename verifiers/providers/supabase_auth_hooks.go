package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// SupabaseAuthHooks follows Standard Webhooks, except that several signatures
// are joined by a comma and a space, and that every attempt has an id of its
// own: deduplication catches replays, not retries. A hook is a question rather
// than an event, asked with a budget of five seconds; the answer 204 says that
// nothing is to be changed. The URL tells which hook it is.
var SupabaseAuthHooks = add(verifiers.Provider{
	Name:         "supabase-auth-hooks",
	Title:        "Supabase (Auth hooks)",
	Docs:         "https://supabase.com/docs/guides/auth/auth-hooks",
	Scheme:       verifiers.StandardWebhooks(),
	SecretHint:   "the hook's secret, v1,whsec_ and base64",
	ID:           verifiers.Header("Webhook-Id"),
	TypePrefix:   "com.supabase.auth",
	ContentTypes: []string{"application/json"},
	NeedsJSON:    true,
	Deadline:     5 * time.Second,
	RetrySpan:    5 * time.Second,
	Success:      verifiers.Reply{Status: 204},

	Category: "identity",
	Setup:    "Add an HTTPS hook under Authentication > Hooks and generate its secret.",
	Retries:  "Up to three attempts within five seconds, on network errors and on 429 and 503 with Retry-After.",
	Notes: []string{
		"Only hooks for which doing nothing is a right answer can be queued: sending e-mails and messages can, changing a token cannot.",
		"Every attempt has another Webhook-Id.",
		"A 200 or 202 must have a JSON body; 204 must have none.",
	},
	Sources: []string{
		"https://supabase.com/docs/guides/auth/auth-hooks",
		"https://github.com/supabase/auth internal/hooks/hookshttp/hookshttp.go",
	},
	Confidence: verifiers.High,
})
