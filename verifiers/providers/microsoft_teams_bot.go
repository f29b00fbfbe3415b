package providers

import (
	"context"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// The Bot Framework proves itself with a token for the app. It does not cover
// the body, except that it names the service URL, which the body repeats.
var MicrosoftTeamsBot = add(verifiers.Provider{
	Name:       "microsoft-teams-bot",
	Title:      "Microsoft Teams and Bot Framework (bots)",
	Docs:       "https://learn.microsoft.com/en-us/azure/bot-service/rest-api/bot-framework-rest-connector-authentication",
	Scheme:     botScheme{},
	ID:         verifiers.Join(".", verifiers.JSON("/channelId"), verifiers.JSON("/conversation/id"), verifiers.JSON("/id")),
	Type:       verifiers.JSON("/type"),
	Time:       verifiers.JSON("/timestamp"),
	TypePrefix: "com.microsoft.bot",
	Options:    []verifiers.Option{{Name: botApp, Required: true, Doc: "The Microsoft app id of the bot."}},
	NeedsJSON:  true,
	Deadline:   15 * time.Second,

	Category: "comms",
	Setup:    "Enter the URL as messaging endpoint of the Azure bot.",
	Signs:    "Nothing of the body but serviceUrl: a JSON Web Token for the app",
	Retries:  "Not documented.",
	Notes: []string{
		"The body is not signed: a token that was seen can be used with another body until it ends.",
		"Endorsements of keys are not compared with the channel.",
		"Government clouds have other issuers and keys.",
		"Activities of the type invoke want an answer of an application.",
	},
	Sources: []string{
		"https://learn.microsoft.com/en-us/azure/bot-service/rest-api/bot-framework-rest-connector-authentication",
		"npm botframework-connector@4.23.3",
	},
	Confidence: verifiers.High,
})

const botApp = "app_id"

var (
	botToken = verifiers.Header("Authorization").Trim("Bearer ")
	botJWT   = verifiers.JWT{
		Token:          botToken,
		Algorithms:     []string{"RS256", "RS384", "RS512"},
		JWKS:           "https://login.botframework.com/v1/.well-known/keys",
		Issuers:        []string{"https://api.botframework.com"},
		AudienceOption: botApp,
		RequireExpiry:  true,
		RequireKeyID:   true,
	}
	botService = verifiers.JSON("/serviceUrl")
)

// botScheme is a JSON Web Token that names the service which the body names.
type botScheme struct{}

func (botScheme) Build(provider string, cfg verifiers.Config) (verifiers.Verifier, error) {
	token, err := botJWT.Build(provider, cfg)
	if err != nil {
		return nil, err
	}
	covers := botScheme{}.Places().Covers
	return verifiers.VerifierFunc(func(ctx context.Context, req *verifiers.Request) (verifiers.Result, error) {
		res, err := token.Verify(ctx, req)
		if err != nil {
			return res, err
		}
		// A token for several apps is not the Bot Framework's: its own library
		// refuses a list even of one.
		if _, err := botToken.Claim("/aud").Lookup(req); err != nil {
			return verifiers.Result{}, &verifiers.Error{Provider: provider, Field: "claim aud", Err: cause(err)}
		}
		named, err := botToken.Claim("/serviceurl").Lookup(req)
		if err != nil {
			return verifiers.Result{}, &verifiers.Error{Provider: provider, Field: "claim serviceurl", Err: err}
		}
		service, err := botService.Lookup(req)
		if err == nil && service != named {
			err = verifiers.ErrMismatch
		}
		if err != nil {
			return verifiers.Result{}, &verifiers.Error{Provider: provider, Field: botService.String(), Err: cause(err)}
		}
		res.Covers = &covers
		return res, nil
	}), nil
}

// Places says where the token is.
func (botScheme) Places() verifiers.Places {
	p := botJWT.Places()
	p.Covers.Pointers = []string{botService.Pointer}
	return p
}

// Interface guards.
var _ verifiers.Placer = botScheme{}
