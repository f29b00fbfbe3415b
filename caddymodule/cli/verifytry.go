package cli

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/cli/internal/capture"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
)

// Bounds of the search for what has happened to a request.
const (
	maxTries = 5000
	// maxTried is how many bytes are verified at most, so that a large body takes
	// seconds and not hours.
	maxTried = 2 << 30
	// maxCauses is how many causes are told.
	maxCauses = 6
)

// Kinds of causes.
const (
	kindBody     = "body"
	kindURL      = "url"
	kindHeader   = "header"
	kindSecret   = "secret"
	kindScheme   = "scheme"
	kindProvider = "provider"
	kindTime     = "time"
)

// A mishap is a change that may have happened to a request, or a mistake in what it is
// verified with, together with how to undo it.
type mishap struct {
	kind, name, cure string
	// undo returns the request as it was before; false if it cannot have happened.
	// Nil means that the request is right.
	undo func(*verifiers.Request) (*verifiers.Request, bool)
	// keys are what to verify with instead; nil means the ones given.
	keys verifiers.Keys
	// scheme is a scheme to verify with instead; nil means the provider's.
	scheme verifiers.Scheme
	// provider is the one to verify as instead; "" means the one given.
	provider string
	id       int // tells changes apart
}

// search looks for changes that make a request fit.
type search struct {
	*judge
	ctx       context.Context //nolint:containedctx // it lives as long as one call
	req       *verifiers.Request
	at        time.Time
	tried     int
	bytes     int64
	seen      map[uint64]bool
	verifiers map[*mishap]verifiers.Verifier // by what keys and scheme come from
	first     map[int]*verifiers.Request     // what undone has returned
	usual     verifiers.Verifier
	hash      maphash.Hash
	progress  *Progress
	all       int
}

// explain finds out why a request is refused with err, and what to do about it.
func (j *judge) explain(ctx context.Context, v *verdict, c *capture.Request, req *verifiers.Request, err error) error {
	if errors.Is(err, verifiers.ErrUnavailable) && !errors.Is(err, verifiers.ErrMismatch) && j.problem == nil {
		if j.options.Fetcher == nil {
			v.Hints = append(v.Hints, "the keys are published by the sender: --fetch-keys gets them")
		}
		return nil
	}
	if errors.Is(err, verifiers.ErrStale) || errors.Is(err, verifiers.ErrFuture) {
		v.Causes = append(v.Causes, j.age(v, err))
		return nil
	}
	s := &search{
		judge: j, ctx: ctx, req: req, at: j.options.now, seen: map[uint64]bool{}, verifiers: map[*mishap]verifiers.Verifier{}, first: map[int]*verifiers.Request{},
		progress: NewProgress(j.options.Progress, "trying what may have happened"),
	}
	defer s.progress.Done()
	v.Causes = s.causes(c)
	v.Tried = s.tried
	if len(v.Causes) == 0 && s.bytes >= maxTried {
		v.Hints = append(v.Hints, "the body is so large that not all variants were tried: capture a smaller request, if there is one")
	}
	v.Hints = append(v.Hints, j.clues(v, c, req, err)...)
	return ctx.Err()
}

// age says what to do about a request that is authentic and not of its time.
func (j *judge) age(v *verdict, err error) cause {
	c := cause{
		Kind: kindTime, Cause: "it is not valid at the time as of which it is judged",
		Cure: "let the sender send it again, which signs it anew, or name the time at which it came with --at",
	}
	if v.SignedAt == nil || v.JudgedAt == nil {
		return c
	}
	age := v.JudgedAt.Sub(*v.SignedAt).Round(time.Second)
	if errors.Is(err, verifiers.ErrFuture) {
		c.Cause = fmt.Sprintf("it was signed %s after it was received", span(-age))
		c.Cure = fmt.Sprintf("one of the two clocks is wrong: set it with NTP (`tolerance %s` would accept it)", tolerance(-age))
		return c
	}
	c.Cause = fmt.Sprintf("it was signed %s before the time as of which it is judged", span(age))
	if j.at.IsZero() {
		c.Cure = fmt.Sprintf("it waited on its way, or one of the two clocks is wrong: let the sender send it again, which signs it anew (`tolerance %s` would accept it)", tolerance(age))
	} else {
		c.Cure = fmt.Sprintf("a capture becomes old: --at signed judges it as of its own time (`tolerance %s` would accept it)", tolerance(age))
	}
	return c
}

// tolerance is a window in which a request of this age is.
func tolerance(age time.Duration) string {
	return short((age + time.Minute - 1).Truncate(time.Minute))
}

// causes returns what makes the request fit when it is undone: single changes, as
// many as there are, or else one pair.
func (s *search) causes(c *capture.Request) []cause {
	usual, err := s.provider.New(s.configAt(s.config.Keys))
	if err == nil {
		s.usual = usual
	}
	singles := s.singles(c)
	s.all = len(singles)
	var found []cause
	for i := range singles {
		if len(found) == maxCauses {
			return found
		}
		if !s.fits(&singles[i]) {
			continue
		}
		if c := (cause{singles[i].kind, singles[i].name, singles[i].cure}); !slices.Contains(found, c) {
			found = append(found, c)
		}
	}
	if len(found) > 0 {
		return found
	}
	if f := s.algorithm(); f != nil {
		return []cause{*f}
	}
	pairs := likelyPairs(singles)
	s.all = min(maxTries, s.tried+len(pairs))
	for _, p := range pairs {
		if s.ctx.Err() != nil || s.spent() {
			return nil
		}
		if one, other := &singles[p[0]], &singles[p[1]]; s.fits(one, other) {
			return []cause{{one.kind, one.name, one.cure}, {other.kind, other.name, other.cure}}
		}
	}
	return nil
}

// likelyPairs returns the pairs of changes that can come together, those of which
// both are likely first: rarely has more than one thing of a kind happened.
func likelyPairs(singles []mishap) [][2]int {
	rank, last := make([]int, len(singles)), map[string]int{}
	name := map[string]string{}
	for i := range singles {
		kind := singles[i].kind
		if n, seen := last[kind]; seen {
			rank[i] = n
			if name[kind] != singles[i].name {
				rank[i]++
			}
		}
		last[kind], name[kind] = rank[i], singles[i].name
	}
	var pairs [][2]int
	for a := range singles {
		for b := a + 1; b < len(singles); b++ {
			one, other := &singles[a], &singles[b]
			if one.kind == other.kind && one.kind != kindHeader || one.kind == kindProvider || other.kind == kindProvider || rank[a]+rank[b] > 100 {
				continue
			}
			pairs = append(pairs, [2]int{a, b})
		}
	}
	slices.SortStableFunc(pairs, func(x, y [2]int) int { return cmp.Compare(rank[x[0]]+rank[x[1]], rank[y[0]]+rank[y[1]]) })
	return pairs
}

func (s *search) spent() bool { return s.tried >= maxTries || s.bytes >= maxTried }

// fits reports whether the request fits, whatever its age, when the changes are
// undone. The same is not tried twice.
func (s *search) fits(changes ...*mishap) bool {
	if s.ctx.Err() != nil || s.spent() {
		return false
	}
	req := s.req
	with := []string{}
	var keyed *mishap
	for _, c := range changes {
		if c.undo != nil {
			if req = s.undone(c, req); req == nil {
				return false
			}
		}
		if c.keys != nil || c.scheme != nil || c.provider != "" {
			keyed = c
			with = append(with, strconv.Itoa(c.id))
		}
	}
	if sum := s.fingerprint(req, with); s.seen[sum] {
		return false
	} else {
		s.seen[sum] = true
	}
	v := s.verifier(keyed)
	if v == nil {
		return false
	}
	s.tried++
	s.bytes += int64(len(req.Body)) + 512
	s.progress.At(s.tried, uint64(s.tried), uint64(s.all)) //nolint:gosec // counts are small
	_, err := v.Verify(s.ctx, undecoded(req))
	return err == nil || errors.Is(err, verifiers.ErrStale) || errors.Is(err, verifiers.ErrFuture)
}

// undone returns the request before the change; nil if it cannot have happened. What
// came in is needed again and again, and making it is not cheap.
func (s *search) undone(c *mishap, req *verifiers.Request) *verifiers.Request {
	if req != s.req {
		before, ok := c.undo(req)
		if !ok {
			return nil
		}
		return before
	}
	before, done := s.first[c.id]
	if !done {
		var ok bool
		if before, ok = c.undo(req); !ok {
			before = nil
		}
		if len(req.Body) < 1<<20 {
			s.first[c.id] = before
		}
	}
	return before
}

// fingerprint tells requests apart.
func (s *search) fingerprint(req *verifiers.Request, with []string) uint64 {
	h := &s.hash
	h.Reset()
	part := func(text string) {
		_, _ = h.WriteString(text) // it never fails
		_ = h.WriteByte(0xff)      // in no text of UTF-8
	}
	part(req.Method)
	if req.URL != nil {
		part(req.URL.String())
	}
	for _, name := range slices.Sorted(maps.Keys(req.Header)) {
		part(name)
		for _, value := range req.Header[name] {
			part(value)
		}
	}
	for _, text := range with {
		part(text)
	}
	_, _ = h.Write(req.Body)
	return h.Sum64()
}

// configAt is the configuration with these keys, and with a window that is open.
func (s *search) configAt(keys verifiers.KeySource) verifiers.Config {
	cfg := s.config
	if list, ok := keys.(verifiers.Keys); ok && list == nil {
		keys = nil
	}
	cfg.Keys, cfg.Tolerance = keys, forEver
	cfg.Time = func() time.Time { return s.at }
	return cfg
}

// verifier returns one for the keys and the scheme of a change; nil if there can be
// none.
func (s *search) verifier(c *mishap) verifiers.Verifier {
	if c == nil {
		return s.usual
	}
	if v, ok := s.verifiers[c]; ok {
		return v
	}
	p := s.provider
	keys := s.config.Keys
	if c.keys != nil {
		keys = c.keys
	}
	if c.scheme != nil {
		p.Scheme = c.scheme
	}
	cfg := s.configAt(keys)
	if c.provider != "" {
		p, _ = providers.Lookup(c.provider)
		cfg.Options = nil
	}
	v, err := p.New(cfg)
	if err != nil {
		v = nil
	}
	s.verifiers[c] = v
	return v
}

// algorithm asks the engine, which tries other hashes and encodings.
func (s *search) algorithm() *cause {
	if s.usual == nil || len(s.req.Body) > 1<<20 {
		return nil
	}
	d := s.provider.Diagnose(s.ctx, s.configAt(s.config.Keys), undecoded(s.req), &verifiers.Error{Err: verifiers.ErrMismatch})
	s.tried += 40
	if d.Cause != verifiers.CauseAlgorithm {
		return nil
	}
	return &cause{kindScheme, d.Detail, "set it so at the sender, or describe the sender with the provider hmac; the documentation is " + or(s.provider.Docs, "the sender's")}
}

// singles are all changes, the most likely ones first. Which are likely depends on
// what is wrong: nothing is to be done about a body while the signature is missing.
func (s *search) singles(c *capture.Request) []mishap {
	list := bodyChanges(s.req, c)
	if s.readsURL() {
		list = append(list, s.urlChanges()...)
	}
	list = slices.Concat(list, s.headerChanges(), s.secretChanges(), s.otherProviders())
	for i := range list {
		list[i].id = i
	}
	return list
}

// readsURL reports whether another URL could make a difference: whether something else
// is signed then, or refused for another reason.
func (s *search) readsURL() bool {
	if s.req.URL == nil {
		return false
	}
	switch s.provider.Scheme.(type) {
	case verifiers.HMAC, verifiers.Digest, verifiers.Ed25519, verifiers.ECDSA, verifiers.RSA, verifiers.Token, verifiers.Basic:
	default: // it may compare the URL, or its hash, with a claim
		return true
	}
	look := func(req *verifiers.Request) (string, error) {
		var text strings.Builder
		_, err := s.verifyAt(s.ctx, req, time.Time{}, func(t verifiers.Text) {
			for _, p := range t.Parts {
				if p.Token != "body" {
					text.Write(p.Value)
				}
				text.WriteByte(0)
			}
		})
		return text.String(), err
	}
	other := undecoded(s.req)
	other.URL = &url.URL{Scheme: "ftp", Host: "other.invalid", Path: "/another", RawQuery: "other=1"}
	is, err := look(s.req)
	would, otherErr := look(other)
	return is != would || fmt.Sprint(err) != fmt.Sprint(otherErr) || s.usual == nil
}

// edited returns the request with another body, URL or headers.
func edited(req *verifiers.Request, edit func(*verifiers.Request)) *verifiers.Request {
	c := undecoded(req)
	c.Header = req.Header.Clone()
	edit(c)
	return c
}

// clues are hints at what no variant can prove.
func (j *judge) clues(v *verdict, c *capture.Request, req *verifiers.Request, err error) (hints []string) {
	if missing := j.missing(c); len(missing) > 0 {
		hints = append(hints, "headers that "+j.provider.Name+" sends, and the capture does not have: "+strings.Join(missing, ", "))
	}
	for _, name := range c.Withheld {
		if slices.Contains(j.entry.places.HeaderNames(), name) {
			hints = append(hints, "the value of "+name+" was not kept, because it is a credential: such a capture cannot be verified again")
		}
	}
	if len(v.Causes) > 0 || v.Reason == "key_format" {
		return hints
	}
	if other, why := j.looksLike(req); other != "" {
		hints = append(hints, fmt.Sprintf("it looks like a request of %s (it has %s): is it from there? `caddy webhooks verify %s` judges it so", other, why, other))
	}
	if rewritten(req.Body) {
		hints = append(hints, "the JSON is indented, or its keys are sorted: a program seems to have written it again, and what the sender wrote cannot be told from it")
	}
	if errors.Is(err, verifiers.ErrMismatch) {
		said := fmt.Sprintf("none of the %d variants that were tried fits: it is another secret, or the content was changed", v.Tried)
		if j.provider.SecretHint != "" {
			said += "; the secret is " + j.provider.SecretHint
		}
		if strings.HasPrefix(j.provider.Name, "stripe") {
			said += "; each endpoint has its own, in test mode and in live mode, and so has `stripe listen`"
		}
		hints = append(hints, said)
	}
	return hints
}

// missing are the headers that the sender sends and the capture lacks.
func (j *judge) missing(c *capture.Request) (missing []string) {
	for _, name := range append(j.entry.places.HeaderNames(), j.provider.ID.Header, j.provider.Type.Header) {
		if name != "" && len(c.Header[name]) == 0 && !slices.Contains(missing, name) && !slices.Contains(c.Withheld, name) && alternative(j.entry.places.Signature, name, c) {
			missing = append(missing, name)
		}
	}
	return missing
}

// alternative reports whether a header that is missing counts: of several in which
// the signature may be, one is enough.
func alternative(s verifiers.Source, name string, c *capture.Request) bool {
	for _, one := range s.First {
		if len(c.Header[one.Header]) > 0 {
			return !slices.ContainsFunc(s.First, func(other verifiers.Source) bool { return other.Header == name })
		}
	}
	return true
}

// rewritten reports whether JSON looks as a program writes it for people.
func rewritten(body []byte) bool {
	trimmed := bytes.TrimSpace(body)
	return len(trimmed) > 2 && (trimmed[0] == '{' || trimmed[0] == '[') && bytes.Contains(trimmed, []byte("\n")) || sortedKeys(trimmed)
}
