package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/tenants"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
)

// genericName is the provider about which nothing is known: the route describes
// it, or accepts anything.
const genericName = "generic"

const defaultTenant = "default"

// The values of Handler.Batch.
const (
	batchSplit = "split"
	batchWhole = "whole"
)

// provision translates the handler's configuration into a route of the gateway.
// It reports every mistake at once.
func (h *Handler) provision() error {
	provider, err := h.provider()
	if err != nil {
		return err
	}
	if h.Source == "" {
		h.Source = provider.Name
	}
	cfg := gateway.Config{
		Tenant:         h.tenant(),
		Source:         h.Source,
		Provider:       provider,
		Unverified:     h.InsecureSkipVerify,
		NoHandshakes:   h.NoHandshakes,
		Methods:        h.Methods,
		ContentTypes:   h.ContentTypes,
		EventID:        h.EventID,
		EventType:      h.EventType,
		EventTime:      h.EventTime,
		OrderKey:       h.OrderKey,
		Partitions:     h.Partitions,
		Stream:         h.Stream,
		Accept:         h.Accept,
		Drop:           h.Drop,
		NoDedupe:       h.NoDedupe,
		NoPublish:      h.NoPublish,
		PublishTimeout: time.Duration(h.PublishTimeout),
		Headers:        h.Headers,
		Confirmer:      h.app.fetcher,
	}
	if h.Respond != nil {
		cfg.Success = verifiers.Reply{Status: h.Respond.Status, Body: h.Respond.Body, ContentType: h.Respond.ContentType}
	}
	cfg.Options, err = h.options(provider)
	err = errors.Join(err, h.names(&cfg), h.publicURL(&cfg), h.addresses(&cfg, provider), h.limits(&cfg), h.publishing(&cfg, provider), h.batches(&cfg, provider),
		h.tenancy(&cfg, provider), h.verifier(&cfg, provider), h.schemas(&cfg), h.strictJSON(&cfg), h.filters(&cfg))
	if err != nil {
		return err
	}
	h.sample(&cfg)
	keys := len(h.Secrets)
	if h.CaptureSecret != "" {
		keys++
	}
	if h.store != nil {
		keys = tenants.MaxSecrets
	}
	cfg.Observer = h.app.observer(h.log, cfg.Source, keys)
	if h.PassThru {
		h.observer, cfg.Observer = cfg.Observer, nil
	}
	if h.route, err = gateway.New(cfg); err != nil {
		return err
	}
	if err := h.checkMemory(); err != nil {
		return err
	}
	if h.PassThru && !h.NoDedupe {
		h.delivered = newDelivered()
	}
	return h.app.register(h, provider)
}

// provider looks the sender up: the app's own, the described ones, the
// catalogue.
func (h *Handler) provider() (verifiers.Provider, error) {
	described := h.Provider == genericName || h.Provider == providers.HMAC.Name
	if described {
		return h.describedProvider()
	}
	if h.Verify != nil {
		return verifiers.Provider{}, fmt.Errorf("provider %s has its own scheme: remove verify, or use the provider %s or %s",
			h.Provider, providers.HMAC.Name, genericName)
	}
	if p, ok := h.app.providers[h.Provider]; ok {
		return p, nil
	}
	if p, ok := providers.Lookup(h.Provider); ok {
		return p, nil
	}
	return verifiers.Provider{}, unknownProvider(h.Provider)
}

func (h *Handler) describedProvider() (verifiers.Provider, error) {
	p := verifiers.Provider{Name: h.Provider, Title: h.Provider}
	switch {
	case h.Verify == nil && h.InsecureSkipVerify:
		return p, nil
	case h.Verify == nil:
		return p, fmt.Errorf("provider %s needs verify: say how the sender signs, such as `verify hmac sha256 { ... }`", h.Provider)
	case h.InsecureSkipVerify:
		return p, errors.New("verify and insecure_skip_verify contradict each other: remove one of them")
	case h.Provider == providers.HMAC.Name && h.Verify.Kind != "hmac":
		return p, fmt.Errorf("provider %s is for HMAC only: use the provider %s", h.Provider, genericName)
	}
	scheme, err := h.Verify.build()
	if err != nil {
		return p, err
	}
	p.Scheme, p.SignsUncompressed = scheme, h.Verify.Uncompressed
	return p, h.Verify.prove(h.app.ctx, p)
}

// unknownProvider suggests names that look alike.
func unknownProvider(name string) error {
	near := providers.Similar(name)
	hint := "`caddy webhooks providers` lists them; describe another with the provider hmac or generic"
	if len(near) > 0 {
		hint = "do you mean " + strings.Join(near, " or ") + "? " + hint
	}
	return fmt.Errorf("unknown provider %q: %s", name, hint)
}

func (h *Handler) tenant() string {
	if h.Tenant == "" {
		return defaultTenant
	}
	return h.Tenant
}

func (h *Handler) publicURL(cfg *gateway.Config) error {
	raw := h.PublicURL
	if raw == "" {
		raw = h.app.PublicURL
	}
	if raw == "" {
		h.public = &publicURL{}
		return nil
	}
	u, err := parsePublicURL(raw)
	if err != nil {
		return err
	}
	h.public = u
	cfg.CESource = u.base + "/" + cfg.Tenant + "/" + cfg.Source
	return nil
}

func (h *Handler) addresses(cfg *gateway.Config, p verifiers.Provider) error {
	var problems []error
	for _, s := range h.AllowIPs {
		if s == allowProvider {
			problems = append(problems, h.publishedAddresses(cfg, p))
			continue
		}
		prefix, err := netip.ParsePrefix(s)
		if err != nil {
			addr, addrErr := netip.ParseAddr(s)
			if addrErr != nil {
				problems = append(problems, fmt.Errorf("allow_ips: %q is neither an address, nor a prefix such as 192.0.2.0/24, nor the word %s", s, allowProvider))
				continue
			}
			prefix = netip.PrefixFrom(addr, addr.BitLen())
		}
		cfg.AllowAddresses = append(cfg.AllowAddresses, prefix.Masked())
	}
	return errors.Join(problems...)
}

// publishing decides whether the route needs the broker.
func (h *Handler) publishing(cfg *gateway.Config, p verifiers.Provider) (err error) {
	switch h.Quarantine {
	case "", "on":
		cfg.NoQuarantine = false
	case "off":
		cfg.NoQuarantine = true
	default:
		return fmt.Errorf("quarantine: %q is neither on nor off", h.Quarantine)
	}
	if h.NoPublish && !h.PassThru {
		return errors.New("publish off without pass_thru would throw every event away: add pass_thru, or remove publish off")
	}
	if h.to, err = h.app.connection(h.Connection); err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	if h.NoPublish && h.Connection != "" {
		return errors.New("publish: a route that does not publish needs no connection: remove `nats`")
	}
	if h.spool, err = h.spoolMode(p); err != nil {
		return err
	}
	if !h.NoPublish || h.Quarantine == "on" {
		cfg.Publisher = routed{h.to.publisher, h.spool}
	}
	return nil
}

// batches decides whether requests are split.
func (h *Handler) batches(cfg *gateway.Config, p verifiers.Provider) error {
	switch h.Batch {
	case "":
	case batchSplit:
		if p.Batch == nil {
			return fmt.Errorf("batch: provider %s sends one event in each request: remove batch split, or describe the sender with a `provider` that has a batch", p.Name)
		}
	case batchWhole:
		cfg.WholeBatch = true
	default:
		return fmt.Errorf("batch: %q is neither %s nor %s", h.Batch, batchSplit, batchWhole)
	}
	return nil
}

func (h *Handler) options(p verifiers.Provider) (map[string]string, error) {
	options := make(map[string]string, len(h.Options))
	var problems []error
	for name, raw := range h.Options {
		i := slices.IndexFunc(p.Options, func(o verifiers.Option) bool { return o.Name == name })
		if i < 0 {
			problems = append(problems, fmt.Errorf("option %s: provider %s has no such option: %s", name, p.Name, optionNames(p)))
			continue
		}
		resolve := resolveSetting
		if p.Options[i].Secret {
			resolve = func(s string) (string, error) { return resolveSecret(s, h.InsecureLiteralSecret) }
		}
		value, err := resolve(raw)
		if err != nil {
			problems = append(problems, fmt.Errorf("option %s: %w", name, err))
			continue
		}
		options[name] = value
	}
	return options, errors.Join(problems...)
}

func optionNames(p verifiers.Provider) string {
	if len(p.Options) == 0 {
		return "it has none"
	}
	names := make([]string, len(p.Options))
	for i, o := range p.Options {
		names[i] = o.Name
	}
	return "it has " + strings.Join(names, ", ")
}

// verifier resolves the secrets and builds the verifier.
func (h *Handler) verifier(cfg *gateway.Config, p verifiers.Provider) error {
	if h.tenants != nil || h.tenantName.dynamic() || h.sourceName.dynamic() {
		return nil // each tenant has its own
	}
	if h.InsecureSkipVerify {
		if len(h.Secrets) > 0 {
			return errors.New("insecure_skip_verify and a secret contradict each other: remove one of them")
		}
		if h.CaptureSecret != "" {
			return errors.New("insecure_skip_verify and capture_secret contradict each other: remove one of them")
		}
		return nil
	}
	var keys verifiers.Keys
	var problems []error
	expired := 0
	for i, s := range h.Secrets {
		key, err := s.key(h.InsecureLiteralSecret, i)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		if err := h.checkExampleSecret(s); err != nil {
			problems = append(problems, err)
			continue
		}
		keys = append(keys, key)
		if !s.Until.IsZero() && s.Until.Before(time.Now()) {
			expired++
			h.log.Warn("a secret has come to its end and fits nothing any more: remove it",
				"route", h.label(), "key_id", key.ID(), "until", s.Until)
		}
	}
	if err := errors.Join(problems...); err != nil {
		return err
	}
	if expired > 0 && expired == len(keys) && h.CaptureSecret == "" {
		return errors.New("every secret has come to its end (until): add the one that is valid now")
	}
	fetcher, err := h.keyFetcher()
	if err != nil {
		return err
	}
	vcfg := verifiers.Config{Options: cfg.Options, Tolerance: time.Duration(h.Tolerance), Fetcher: fetcher}
	if len(keys) > 0 {
		vcfg.Keys, cfg.Keys = keys, keys
	}
	if err := h.capture(cfg, &vcfg, p, keys); err != nil {
		return err
	}
	v, err := p.New(vcfg)
	switch {
	case errors.Is(err, verifiers.ErrNoKeys):
		hint := ""
		if p.SecretHint != "" {
			hint = " (" + p.SecretHint + ")"
		}
		other := ""
		if delivers(p) {
			other = ", or let the sender deliver it with `capture_secret <file>`"
		}
		return fmt.Errorf("%w: add the secret%s as {env.NAME} or {file./absolute/path}%s", err, hint, other)
	case errors.Is(err, verifiers.ErrOption):
		return fmt.Errorf("%w: set it with `option <name> <value>`; %s", err, optionNames(p))
	case errors.Is(err, verifiers.ErrKeyFormat) && p.SecretHint != "":
		return fmt.Errorf("%w: use %s", err, p.SecretHint)
	}
	if weak := weakness(p); weak != "" && err == nil {
		h.log.Warn("weak signature", "route", h.label(), "provider", p.Name, "weakness", weak)
	}
	cfg.Verifier = v
	cfg.VerifierAt = verifierAt(p, vcfg)
	cfg.Diagnose = func(ctx context.Context, req *verifiers.Request, err error) verifiers.Diagnosis {
		return p.Diagnose(ctx, vcfg, req, err)
	}
	return err
}

// schemas sets up what validates payloads, and what looks at them.
func (h *Handler) schemas(cfg *gateway.Config) error {
	if h.Schema == nil {
		return nil
	}
	if err := h.Schema.check(); err != nil || h.Schema.Off {
		return err
	}
	if why := opaque(cfg.Provider, cfg.ContentTypes); why != "" {
		return fmt.Errorf("schema: %s, and schemas are for nothing else: write `schema off`", why)
	}
	v, err := h.Schema.load(cfg.Provider)
	if err != nil {
		return err
	}
	if v.drift, err = h.drifts(cfg.Source); err != nil {
		return err
	}
	cfg.Validator, cfg.OnInvalid, cfg.ValidatorWatches = v, h.Schema.OnInvalid, len(v.sets) == 0
	return h.countSchemas(v, cfg)
}

func (r *Rate) translate() gateway.Rate {
	if r == nil {
		return gateway.Rate{}
	}
	per := time.Duration(r.Per)
	if per == 0 {
		per = time.Second
	}
	return gateway.Rate{Count: r.Count, Per: per, Burst: r.Burst}
}
