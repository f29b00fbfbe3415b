package providers

import (
	"slices"
	"strings"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// ordered is an HMAC whose sender writes the pairs of its header in this order.
// Whoever verifies takes any.
type ordered struct {
	verifiers.HMAC
	order []string
	// fill is a pair that is signed, for senders' requests that lack it.
	fill string
}

// Sign adds timestamp and signature.
func (s ordered) Sign(req *verifiers.Request, cfg verifiers.Config) error {
	name, sep := s.Signature.Header, s.Signature.Sep
	if sep == "" {
		sep = ","
	}
	items := strings.Split(req.Header.Get(name), sep)
	if key, _, found := strings.Cut(s.fill, "="); found && !slices.ContainsFunc(items, func(item string) bool { return pairKey(item) == key }) {
		req.Header.Set(name, s.fill)
	}
	if err := s.HMAC.Sign(req, cfg); err != nil {
		return err
	}
	items = strings.Split(req.Header.Get(name), sep)
	slices.SortStableFunc(items, func(a, b string) int {
		return slices.Index(s.order, pairKey(a)) - slices.Index(s.order, pairKey(b))
	})
	req.Header.Set(name, strings.Join(items, sep))
	return nil
}

func pairKey(item string) string {
	key, _, _ := strings.Cut(item, "=")
	return key
}

// Interface guards.
var (
	_ verifiers.Placer = ordered{}
	_ verifiers.Signer = ordered{}
)
