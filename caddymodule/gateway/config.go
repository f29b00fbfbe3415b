package gateway

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

const (
	defaultMaxBody     = 1 << 20
	largestMaxBody     = 1 << 30
	defaultReadTimeout = 10 * time.Second
	defaultDeadline    = 10 * time.Second
	longestWork        = 10 * time.Second
	shortestWork       = time.Second
	leastPartitions    = 2
	mostPartitions     = 1024
)

// problems gathers what is wrong with a configuration.
type problems []error

func (p *problems) add(field, format string, args ...any) {
	*p = append(*p, fmt.Errorf(field+": "+format, args...))
}

// complete fills in what the provider and the defaults say, and takes copies
// of what the caller could change later.
func (c *Config) complete() {
	p := &c.Provider
	if c.CESource == "" {
		c.CESource = "/" + c.Tenant + "/" + c.Source
	}
	c.Methods = firstOf(c.Methods, p.Methods, []string{http.MethodPost})
	c.ContentTypes = firstOf(c.ContentTypes, p.ContentTypes)
	if c.MaxBody == 0 {
		c.MaxBody = p.MaxBody
	}
	if c.MaxBody == 0 {
		c.MaxBody = defaultMaxBody
	}
	if c.ReadTimeout == 0 {
		c.ReadTimeout = defaultReadTimeout
	}
	if c.MaxDecompressed > 0 && c.MaxRatio == 0 {
		c.MaxRatio = defaultMaxRatio
	}
	if c.StrictJSON == "" {
		c.StrictJSON = StrictQuarantine
	}
	if c.OnInvalid == "" {
		c.OnInvalid = OnInvalidQuarantine
	}
	if c.Success.IsZero() {
		c.Success = p.Success
	}
	if c.NoPublish && c.Publisher == nil {
		c.NoQuarantine = true
	}
	c.Accept, c.Drop = slices.Clone(c.Accept), slices.Clone(c.Drop)
	c.AcceptIf, c.DropIf = slices.Clone(c.AcceptIf), slices.Clone(c.DropIf)
	c.AllowAddresses = slices.Clone(c.AllowAddresses)
	c.Budgets = slices.Clone(c.Budgets)
	c.Options = maps.Clone(c.Options)
	if c.Time == nil {
		c.Time = time.Now
	}
}

func firstOf(lists ...[]string) []string {
	for _, l := range lists {
		if len(l) > 0 {
			return slices.Clone(l)
		}
	}
	return nil
}

// validate returns everything that is wrong with a completed configuration.
// Each error names the field and what to write instead.
func (c *Config) validate() error {
	var p problems
	if c.Resolver == nil {
		c.validateNames(&p)
	}
	c.validateSender(&p)
	c.validateRequests(&p)
	c.validateEvents(&p)
	if c.Publisher == nil && !c.NoPublish {
		p.add("Publisher", "is nil, so events could not be stored: set it, or set NoPublish")
	}
	if c.PublishTimeout < 0 {
		p.add("PublishTimeout", "is negative: use 0 for the provider's, or a positive duration")
	}
	for i, b := range c.Budgets {
		if b == nil {
			p.add(fmt.Sprintf("Budgets[%d]", i), "is nil: use NewBudget, or leave it out")
		}
	}
	return errors.Join(p...)
}

func (c *Config) validateSender(p *problems) {
	if c.Provider.Name == "" {
		p.add("Provider", "has no name: use an entry of the catalogue, or name your own")
	}
	switch {
	case c.Resolver != nil:
		if c.Verifier != nil || c.Unverified || c.Keys != nil || c.Capturer != nil {
			p.add("Resolver", "is set together with a Verifier, Keys, a Capturer or Unverified: each tenant has its own, see Route.For")
		}
	case c.Verifier == nil && !c.Unverified:
		p.add("Verifier", "is nil, so anybody could send events: build one with Provider.New, or set Unverified")
	case c.Verifier != nil && c.Unverified:
		p.add("Unverified", "is set together with a Verifier: remove one of them")
	}
	if c.NoHandshakes {
		return
	}
	for _, h := range c.Provider.Handshakes {
		if h.TokenOption == "" || c.Options[h.TokenOption] != "" {
			continue
		}
		for _, o := range c.Provider.Options {
			if o.Name == h.TokenOption && o.Required {
				p.add("Options", "%s is missing, and the handshake %s needs it: set it, or set NoHandshakes", o.Name, h.Name)
			}
		}
	}
}

func (c *Config) validateRequests(p *problems) {
	for _, m := range c.Methods {
		if !isToken(m) || m != strings.ToUpper(m) {
			p.add("Methods", "%q is not an HTTP method: write it in upper case, such as POST", m)
		}
	}
	for i, t := range c.ContentTypes {
		media, params, err := mime.ParseMediaType(t)
		if err != nil || len(params) > 0 || !strings.Contains(media, "/") {
			p.add("ContentTypes", "%q is not a media type: write type/subtype without parameters, such as application/json", t)
			continue
		}
		c.ContentTypes[i] = media
	}
	if c.MaxBody < 0 || c.MaxBody > largestMaxBody {
		p.add("MaxBody", "%d is out of range: use 1 to %d bytes, or 0 for the provider's", c.MaxBody, largestMaxBody)
	}
	if c.MaxDecompressed < 0 || c.MaxDecompressed > largestMaxBody {
		p.add("MaxDecompressed", "%d is out of range: use 1 to %d bytes, or 0 to refuse compressed bodies", c.MaxDecompressed, largestMaxBody)
	}
	if c.MaxRatio < 0 || c.MaxRatio > 0 && c.MaxDecompressed == 0 {
		p.add("MaxRatio", "needs a MaxDecompressed, and must be 1 or more, or 0 for %d", defaultMaxRatio)
	}
	if c.ReadTimeout < 0 {
		p.add("ReadTimeout", "is negative: use 0 for %v, or a positive duration", defaultReadTimeout)
	}
	switch {
	case c.MinRate < 0:
		p.add("MinRate", "is negative: use 0 for any rate, or bytes per second")
	case c.MinRate > 0 && c.ReadTimeout >= 0 && c.ReadTimeout <= paceGrace:
		p.add("MinRate", "counts after %v, when the ReadTimeout of %v is over: raise that, or remove the rate", paceGrace, c.ReadTimeout)
	}
	for i, prefix := range c.AllowAddresses {
		if !prefix.IsValid() {
			p.add("AllowAddresses", "number %d is not a prefix: use netip.ParsePrefix", i+1)
		}
	}
	validateRate(p, "ClientRate", c.ClientRate)
	validateRate(p, "SourceRate", c.SourceRate)
	validateRate(p, "SampleRate", c.SampleRate)
	if c.SampleSize < 0 {
		p.add("SampleSize", "is negative: use 0 for %d, or a number of bytes", defaultSampleSize)
	}
	validateRate(p, "TenantRate", c.TenantRate)
}

func validateRate(p *problems, field string, r Rate) {
	if r == (Rate{}) {
		return
	}
	switch {
	case r.Count < 1 || r.Per <= 0 || r.Burst < 0:
		p.add(field, "is not a rate: use a Count and a Per above zero, and a Burst of 0 or more")
	case int64(r.Per) < int64(r.Count):
		p.add(field, "is more than one a nanosecond: use a smaller Count, or none")
	case int64(max(r.Burst, r.Count)) > math.MaxInt64/4/(int64(r.Per)/int64(r.Count)):
		p.add(field, "spans centuries: use a smaller Burst or Per")
	}
}

func (c *Config) validateEvents(p *problems) {
	validateSource(p, "EventID", c.EventID, true)
	validateSource(p, "EventType", c.EventType, true)
	validateSource(p, "EventTime", c.EventTime, true)
	validateSource(p, "OrderKey", c.OrderKey, true)
	switch {
	case c.Partitions == 0:
	case c.Partitions < leastPartitions || c.Partitions > mostPartitions:
		p.add("Partitions", "%d is out of range: use %d to %d, or 0 for none", c.Partitions, leastPartitions, mostPartitions)
	case c.OrderKey.IsZero():
		p.add("Partitions", "there is nothing to divide the events by: set OrderKey, or use 0")
	}
	validateSource(p, "Provider.ID", c.Provider.ID, true)
	validateSource(p, "Provider.Type", c.Provider.Type, true)
	validateSource(p, "Provider.Time", c.Provider.Time, true)
	if _, err := verifiers.PointersTo(c.Provider.Varies...); err != nil {
		p.add("Provider.Varies", "%v", err)
	}
	if b := c.Provider.Batch; b != nil {
		validateSource(p, "Provider.Batch.In", b.In, true)
		validateSource(p, "Provider.Batch.ID", b.ID, true)
		validateSource(p, "Provider.Batch.Type", b.Type, true)
		validateSource(p, "Provider.Batch.Time", b.Time, true)
		if b.Elements != "" && b.Elements[0] != '/' {
			p.add("Provider.Batch.Elements", "a JSON Pointer starts with /: use /%s", b.Elements)
		}
	}
	for _, list := range []struct {
		field string
		globs []string
	}{{"Accept", c.Accept}, {"Drop", c.Drop}} {
		if slices.Contains(list.globs, "") {
			p.add(list.field, `has an empty glob: write "*" for every type, or remove it`)
		}
	}
	for _, list := range []struct {
		field      string
		conditions []Condition
	}{{"AcceptIf", c.AcceptIf}, {"DropIf", c.DropIf}} {
		if slices.Contains(list.conditions, nil) {
			p.add(list.field, "has a condition that is nil: remove it")
		}
	}
	switch c.StrictJSON {
	case StrictQuarantine, StrictReject, StrictOff:
	default:
		p.add("StrictJSON", "%q is not a mode: use quarantine, reject or off", c.StrictJSON)
	}
	if err := c.JSONLimits.Check(); err != nil {
		p.add("JSONLimits", "%w", err)
	}
	switch c.OnInvalid {
	case OnInvalidQuarantine, OnInvalidTag, OnInvalidReject:
	default:
		p.add("OnInvalid", "%q is not a mode: use quarantine, tag or reject", c.OnInvalid)
	}
	for _, list := range []struct {
		field string
		names []string
	}{{"Headers", c.Headers}, {"Provider.Headers", c.Provider.Headers}} {
		for _, name := range list.names {
			if !isToken(name) || !forwardable(http.CanonicalHeaderKey(name), &c.Provider) {
				p.add(list.field, "%q may not be handed to consumers: remove it", name)
			}
		}
	}
	if s := c.Success.Status; s != 0 && (s < 200 || s > 299) {
		p.add("Success", "the status %d does not tell the sender that the event has arrived: use a 2xx", s)
	} else if s == http.StatusNoContent && (c.Success.Body != "" || !c.Success.Echo.IsZero()) {
		p.add("Success", "a 204 has no body: use 200, or remove the body")
	}
}

// validateSource checks that a source says one thing.
func validateSource(p *problems, field string, s verifiers.Source, optional bool) {
	kinds := 0
	for _, set := range []bool{
		s.Header != "", s.Query != "", s.Form != "", s.Pointer != "", s.Whole, s.Const != "", len(s.First) > 0, len(s.Join) > 0,
	} {
		if set {
			kinds++
		}
	}
	switch {
	case kinds > 1:
		p.add(field, "names several places: use First for the first that is there, or Join for all of them")
	case kinds == 0 && !optional, kinds == 0 && s.Prefix+s.Pair+s.Sep != "":
		p.add(field, "names no place: set one of Header, Query, Form, Pointer, Whole, Const, First and Join")
	case s.Header != "" && s.Header != http.CanonicalHeaderKey(s.Header):
		p.add(field, "the header must be written %s", http.CanonicalHeaderKey(s.Header))
	case s.Pointer != "" && s.Pointer[0] != '/':
		p.add(field, "a JSON Pointer starts with /: use /%s", s.Pointer)
	}
	for _, part := range slices.Concat(s.First, s.Join) {
		validateSource(p, field, part, false)
	}
}

// IsName reports whether s can name a tenant or a source: [A-Za-z0-9_-]{1,64}.
// A name is a token of a subject as it is, and needs no escaping anywhere.
func IsName(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isAlnum(c) && c != '_' && c != '-' {
			return false
		}
	}
	return 1 <= len(s) && len(s) <= 64
}

func notGraphic(r rune) bool { return r <= ' ' || r > '~' }
