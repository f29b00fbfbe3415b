package providers

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// GooglePlayRTDN comes through Cloud Pub/Sub, which proves itself with a token
// that Google signs. The token says nothing about the body. Google signs such
// tokens for everybody, so audience and service account must be ours: without
// them any customer of Google's could send notifications.
var GooglePlayRTDN = add(verifiers.Provider{
	Name:    "google-play-rtdn",
	Title:   "Google Play (real-time developer notifications)",
	Docs:    "https://docs.cloud.google.com/pubsub/docs/authenticate-push-subscriptions",
	Scheme:  googlePush{},
	Options: googlePushOptions,
	ID:      verifiers.JSON("/message/messageId"),
	Type:    googlePlayType,
	Time:    verifiers.JSON("/message/publishTime"),

	TypePrefix: "com.google.play",
	NeedsJSON:  true,
	MaxBody:    16 << 20,
	Deadline:   10 * time.Second,
	RetrySpan:  96 * time.Hour,

	Category: "payments",
	Setup:    "Create a Pub/Sub topic and a push subscription to the URL with authentication by a service account, then name the topic under Monetisation setup in the Play Console.",
	Signs:    "Nothing of the request: a JSON Web Token signed by Google, with audience and service account",
	Retries:  "With growing pauses until it is acknowledged or the message is 7 days old; events are remembered for 96 hours.",
	Notes: []string{
		"Switch authentication on in the push subscription: it is off unless asked for.",
		"The body is not signed.",
		"The type is the number of the notification and its kind, such as 4.subscription.",
		"Payload unwrapping has to be off.",
	},
	Sources: []string{
		"https://docs.cloud.google.com/pubsub/docs/authenticate-push-subscriptions",
		"https://developer.android.com/google/play/billing/rtdn-reference",
		"github GoogleCloudPlatform/golang-samples appengine/go11x/pubsub/authenicated_push/main.go",
	},
	Confidence: verifiers.High,
})

const (
	googleAccount  = "service_account"
	googleAudience = "audience"
)

// googlePlayType is the number of the notification, then its kind.
var googlePlayType = verifiers.First(
	verifiers.Join(".", verifiers.JSON("/message/data").Base64("/subscriptionNotification/notificationType"), verifiers.Const("subscription")),
	verifiers.Join(".", verifiers.JSON("/message/data").Base64("/oneTimeProductNotification/notificationType"), verifiers.Const("one_time_product")),
	verifiers.Join(".", verifiers.JSON("/message/data").Base64("/voidedPurchaseNotification/productType"), verifiers.Const("voided_purchase")),
	verifiers.Join(".", verifiers.JSON("/message/data").Base64("/testNotification/version"), verifiers.Const("test")),
)

// googlePushOptions are the settings of a push subscription.
var googlePushOptions = []verifiers.Option{
	{
		Name: googleAccount, Required: true,
		Doc: "The e-mail address of the service account of the push subscription.",
	},
	{Name: googleAudience, Doc: "The audience of the push subscription; without it the URL of the endpoint, which is Pub/Sub's preset."},
}

var (
	googleToken = verifiers.Header("Authorization").Trim("Bearer ")
	googleJWT   = verifiers.JWT{
		Token:          googleToken,
		Algorithms:     []string{"RS256"},
		JWKS:           "https://www.googleapis.com/oauth2/v3/certs",
		Issuers:        []string{"https://accounts.google.com", "accounts.google.com"},
		Audience:       "{url}",
		AudienceOption: googleAudience,
		RequireExpiry:  true,
		RequireKeyID:   true,
	}
)

// googlePush is a JSON Web Token of Google's for one service account.
type googlePush struct{}

func (googlePush) Build(provider string, cfg verifiers.Config) (verifiers.Verifier, error) {
	account := strings.TrimSpace(cfg.Options[googleAccount])
	if account == "" {
		return nil, fmt.Errorf("%s: %w %s is missing", provider, verifiers.ErrOption, googleAccount)
	}
	token, err := googleJWT.Build(provider, cfg)
	if err != nil {
		return nil, err
	}
	now := cfg.Time
	if now == nil {
		now = time.Now
	}
	return verifiers.VerifierFunc(func(ctx context.Context, req *verifiers.Request) (verifiers.Result, error) {
		res, err := token.Verify(ctx, req)
		if err != nil {
			return res, err
		}
		if field, err := googleLimits(req, now()); err != nil {
			return verifiers.Result{}, &verifiers.Error{Provider: provider, Field: field, Err: err}
		}
		for _, claim := range []struct{ pointer, want string }{{"/email", account}, {"/email_verified", "true"}} {
			got, err := googleToken.Claim(claim.pointer).Lookup(req)
			if err == nil && got != claim.want {
				err = verifiers.ErrUntrusted
			}
			if err != nil {
				return verifiers.Result{}, &verifiers.Error{Provider: provider, Field: "claim " + claim.pointer[1:], Err: err}
			}
		}
		return res, nil
	}), nil
}

// googleLimits are what Google's own library asks for besides: one audience, and a
// token that is valid for a day at most.
func googleLimits(req *verifiers.Request, now time.Time) (string, error) {
	if _, err := googleToken.Claim("/aud").Lookup(req); err != nil {
		return "claim aud", cause(err)
	}
	text, err := googleToken.Claim("/exp").Lookup(req)
	if err != nil {
		return "claim exp", cause(err)
	}
	exp, err := strconv.ParseFloat(text, 64)
	if err != nil || exp >= float64(now.Add(24*time.Hour).Unix()) {
		return "claim exp", verifiers.ErrUntrusted
	}
	return "", nil
}

// Places says where the token is.
func (googlePush) Places() verifiers.Places { return googleJWT.Places() }

// Interface guards.
var _ verifiers.Placer = googlePush{}
