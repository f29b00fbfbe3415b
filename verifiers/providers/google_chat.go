package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Chat has two kinds of tokens, chosen in the console: one for the URL of the
// endpoint, which Google signs for Chat's own service account, and one for the
// number of the project, which that account signs itself. The option
// project_number chooses the second. Neither covers the body.
var GoogleChat = add(verifiers.Provider{
	Name:       "google-chat",
	Title:      "Google Chat apps",
	Docs:       "https://developers.google.com/workspace/chat/verify-requests-from-chat",
	Scheme:     chatScheme{},
	ID:         verifiers.Join(".", verifiers.JSON("/eventTime"), verifiers.JSON("/space/name"), verifiers.JSON("/message/name"), verifiers.JSON("/type")),
	Type:       verifiers.JSON("/type"),
	Time:       verifiers.JSON("/eventTime"),
	TypePrefix: "com.google.chat",
	Options: []verifiers.Option{
		{Name: chatProject, Doc: "The number of the Google Cloud project, if tokens are for it and not for the URL."},
		{Name: googleAudience, Doc: "The endpoint as entered in the console, where it is not the URL that is called."},
	},
	NeedsJSON: true,
	Deadline:  30 * time.Second,
	Success:   verifiers.Reply{ContentType: "application/json", Body: "{}"},

	Category: "comms",
	Setup:    "Enter the URL as HTTP endpoint of the Chat app and choose the audience of its tokens.",
	Signs:    "Nothing of the request: a JSON Web Token of Google's",
	Retries:  "Not documented.",
	Notes: []string{
		"The body is not signed: a token that was seen can be used with another body until it ends.",
		"An answer of a Chat app is a message; here it is an empty object, which shows nothing.",
	},
	Sources: []string{
		"https://developers.google.com/workspace/chat/verify-requests-from-chat",
	},
	Confidence: verifiers.High,
})

const (
	chatProject = "project_number"
	chatAccount = "chat@system.gserviceaccount.com"
	chatKeys    = "https://www.googleapis.com/service_accounts/v1/jwk/" + chatAccount
)

// chatScheme is a JSON Web Token for the URL, or for the project of the option.
type chatScheme struct{}

func (chatScheme) Build(provider string, cfg verifiers.Config) (verifiers.Verifier, error) {
	project := cfg.Options[chatProject]
	if project == "" {
		cfg.Options = map[string]string{googleAccount: chatAccount, googleAudience: cfg.Options[googleAudience]}
		return googlePush{}.Build(provider, cfg)
	}
	return verifiers.JWT{
		Token:         googleToken,
		Algorithms:    []string{"RS256"},
		JWKS:          chatKeys,
		Issuers:       []string{chatAccount},
		Audience:      project,
		RequireExpiry: true,
		RequireKeyID:  true,
	}.Build(provider, cfg)
}

// Places says where the token is.
func (chatScheme) Places() verifiers.Places { return googlePush{}.Places() }

// Interface guards.
var _ verifiers.Placer = chatScheme{}
