package providers

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

const (
	graphTenant = "tenant_id"
	graphApp    = "app_id"
	// graphPublisher is the application of Microsoft's that sends change
	// notifications.
	graphPublisher = "0bf30f3b-4a52-48df-9a82-234910c4a086"
	graphMaxItems  = 10_000
	graphMaxTokens = 64
)

// What is read of a request, and of a notification.
var (
	graphLists   = mustPointers("/value", "/validationTokens")
	graphMembers = mustPointers("/clientState", "/encryptedContent")
)

var (
	graphState = verifiers.Token{Source: verifiers.Header("Client-State")}
	graphToken = verifiers.Header("Validation-Token")
	graphJWT   = verifiers.JWT{
		Token:          graphToken,
		Algorithms:     []string{"RS256"},
		JWKS:           "https://login.microsoftonline.com/common/discovery/keys",
		Issuers:        []string{"https://sts.windows.net/{option:" + graphTenant + "}/"},
		AudienceOption: graphApp,
		RequireExpiry:  true,
	}
)

// graphScheme compares the clientState of each notification with the secret and,
// where the options name tenant and app, verifies the validation tokens.
type graphScheme struct{}

func (graphScheme) Build(provider string, cfg verifiers.Config) (verifiers.Verifier, error) {
	state, err := graphState.Build(provider, cfg)
	if err != nil {
		return nil, err
	}
	g := &graphVerifier{provider: provider, state: state}
	switch tenant, app := cfg.Options[graphTenant], cfg.Options[graphApp]; {
	case tenant == "" && app == "":
		return g, nil
	case tenant == "" || app == "":
		return nil, fmt.Errorf("%s: %w %s and %s belong together", provider, verifiers.ErrOption, graphTenant, graphApp)
	}
	g.token, err = graphJWT.Build(provider, cfg)
	return g, err
}

// Sign puts the secret into each notification. There are no validation tokens,
// which only notifications with data need.
func (graphScheme) Sign(req *verifiers.Request, cfg verifiers.Config) error {
	token := withHeaders(req, nil)
	if err := graphState.Sign(token, cfg); err != nil {
		return err
	}
	found, err := graphLists.In(req.Body)
	if err != nil {
		return fmt.Errorf("reading the notifications: %w", err)
	}
	n := 0
	for range verifiers.WalkJSON(found[0]) {
		n++
	}
	for i := range n {
		place := verifiers.JSON(fmt.Sprintf("/value/%d/clientState", i))
		if err := place.Put(req, token.Header.Get(graphState.Source.Header)); err != nil {
			return fmt.Errorf("adding the state to notification %d: %w", i, err)
		}
	}
	return nil
}

// Places says where the state of the first notification is.
func (graphScheme) Places() verifiers.Places {
	return verifiers.Places{Scheme: "token", Signature: verifiers.JSON("/value/0/clientState"), Secret: true}
}

type graphVerifier struct {
	provider     string
	state, token verifiers.Verifier // token is nil if no tokens are wanted
}

func (g *graphVerifier) fail(field string, err error) (verifiers.Result, error) {
	return verifiers.Result{}, &verifiers.Error{Provider: g.provider, Field: field, Err: err}
}

// Verify wants the secret in each notification: one request may hold those of
// several subscriptions.
func (g *graphVerifier) Verify(ctx context.Context, req *verifiers.Request) (verifiers.Result, error) {
	const field = "json /value/0/clientState"
	if req.CheckJSON() != nil {
		return g.fail(field, verifiers.ErrMalformed)
	}
	found, err := graphLists.In(req.Body)
	if err != nil {
		return g.fail(field, verifiers.ErrMalformed)
	}
	items, n := found[0], 0
	if len(items) > 0 && items[0] == '[' {
		for range verifiers.WalkJSON(items) {
			n++
		}
	}
	if n == 0 {
		return g.fail(field, verifiers.ErrMissing)
	}
	if n > graphMaxItems {
		return g.fail("json /value", verifiers.ErrMalformed)
	}
	rich, i := false, 0
	var res verifiers.Result
	for _, item := range verifiers.WalkJSON(items) {
		field := fmt.Sprintf("json /value/%d/clientState", i)
		members, err := graphMembers.In(item)
		if err != nil {
			return g.fail(field, verifiers.ErrMalformed)
		}
		state, text := verifiers.JSONText(members[0])
		switch {
		case !isNull(members[0]) && !text:
			return g.fail(field, verifiers.ErrMalformed)
		case state == "":
			return g.fail(field, verifiers.ErrMissing)
		}
		one, err := g.state.Verify(ctx, withHeaders(req, map[string]string{graphState.Source.Header: state}))
		if err != nil {
			return g.fail(field, cause(err))
		}
		if i == 0 {
			res = one
		}
		rich = rich || !isNull(members[1])
		i++
	}
	if g.token == nil {
		return res, nil
	}
	return g.checkTokens(ctx, req, res, found[1], rich)
}

// checkTokens wants all tokens to be good, and at least one where notifications
// hold data.
func (g *graphVerifier) checkTokens(ctx context.Context, req *verifiers.Request, res verifiers.Result, list []byte, rich bool) (verifiers.Result, error) {
	if !isNull(list) && list[0] != '[' {
		return g.fail("json /validationTokens", verifiers.ErrMalformed)
	}
	var tokens []string
	for _, raw := range verifiers.WalkJSON(list) {
		if len(tokens) == graphMaxTokens {
			return g.fail("json /validationTokens", verifiers.ErrMalformed)
		}
		text, _ := verifiers.JSONText(raw)
		tokens = append(tokens, text)
	}
	if rich && len(tokens) == 0 {
		return g.fail("json /validationTokens", verifiers.ErrMissing)
	}
	for i, text := range tokens {
		field := fmt.Sprintf("json /validationTokens/%d", i)
		single := withHeaders(req, map[string]string{graphToken.Header: text})
		if _, err := g.token.Verify(ctx, single); err != nil {
			return g.fail(field, cause(err))
		}
		publisher := verifiers.First(graphToken.Claim("/appid"), graphToken.Claim("/azp"))
		if app, err := publisher.Lookup(single); err != nil || app != graphPublisher {
			return g.fail(field, verifiers.ErrUntrusted)
		}
	}
	return res, nil
}

// cause is the plain reason of a refusal.
func cause(err error) error {
	reasons := []error{
		verifiers.ErrMissing, verifiers.ErrMalformed, verifiers.ErrMismatch, verifiers.ErrStale, verifiers.ErrFuture,
		verifiers.ErrUntrusted, verifiers.ErrUnknownKey, verifiers.ErrUnavailable,
	}
	if i := slices.IndexFunc(reasons, func(reason error) bool { return errors.Is(err, reason) }); i >= 0 {
		return reasons[i]
	}
	return err
}

// Interface guards.
var (
	_ verifiers.Placer = graphScheme{}
	_ verifiers.Signer = graphScheme{}
)
