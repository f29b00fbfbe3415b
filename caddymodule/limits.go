package caddymodule

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/dustin/go-humanize"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/tenants"
)

// rates is what senders have used of their limits, by tenant, source and limits.
// It outlives configurations: a reload gives nobody a new burst. Routes with one
// source share it, since the limits are those of the source. Other limits start
// anew: what was used of a small one would close a large one for long.
var rates = caddy.NewUsagePool()

// rateState is a [gateway.RateState] in the pool, with what each tenant of a route
// has used where it has many.
type rateState struct {
	gateway.RateState
	tenants, sources *tenants.Limits
}

func newRateState(cfg *gateway.Config) *rateState {
	return &rateState{tenants: tenants.NewLimits(cfg.TenantRate, 0), sources: tenants.NewLimits(cfg.SourceRate, 0)}
}

// Destruct does nothing: the memory is all there is.
func (*rateState) Destruct() error { return nil }

// limits sets what bounds the route.
func (h *Handler) limits(cfg *gateway.Config) error {
	h.spoofed = new(atomic.Bool)
	cfg.MaxBody, cfg.ReadTimeout, cfg.MinRate = h.MaxBody, time.Duration(h.ReadTimeout), h.MinRate
	cfg.MaxDecompressed, cfg.MaxRatio = h.MaxDecompressed, h.MaxRatio
	cfg.ClientRate, cfg.SourceRate, cfg.TenantRate = h.ClientRate.translate(), h.SourceRate.translate(), h.TenantRate.translate()
	if h.ClientRate == nil && h.SourceRate == nil {
		return h.budgets(cfg)
	}
	state, err := h.app.rateState(fmt.Sprintf("%s/%s %v %v", h.tenantName, h.sourceName, cfg.ClientRate, cfg.SourceRate), cfg)
	if err == nil {
		cfg.Rates = &state.RateState
	}
	return errors.Join(err, h.budgets(cfg))
}

// tenantLimits returns the limits of the tenants that share a route.
func (h *Handler) tenantLimits(cfg *gateway.Config) (*rateState, error) {
	if h.SourceRate == nil && h.TenantRate == nil {
		return newRateState(cfg), nil
	}
	return h.app.rateState(fmt.Sprintf("%s/%s of each %v %v", h.tenantName, h.sourceName, cfg.SourceRate, cfg.TenantRate), cfg)
}

// rateState returns the state of limits until the app is released.
func (a *App) rateState(key string, cfg *gateway.Config) (*rateState, error) {
	val, _, err := rates.LoadOrNew(key, func() (caddy.Destructor, error) { return newRateState(cfg), nil })
	if err != nil {
		return nil, err
	}
	a.rates = append(a.rates, key)
	state, ok := val.(*rateState)
	if !ok {
		return nil, fmt.Errorf("the pool of rates holds a %T", val)
	}
	return state, nil
}

func (a *App) releaseRates() error {
	var problems []error
	for _, key := range a.rates {
		_, err := rates.Delete(key)
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}

// budgets bounds what the route may hold: its own budget first, so that a route
// which is over it takes nothing of what all share.
func (h *Handler) budgets(cfg *gateway.Config) error {
	if h.MaxRequests < 0 || h.MaxMemory < 0 {
		return errors.New("limits: requests and memory must be above zero: remove them for no limit of the route's own")
	}
	if h.MaxRequests > 0 || h.MaxMemory > 0 {
		cfg.Budgets = append(cfg.Budgets, gateway.NewBudget(h.MaxRequests, h.MaxMemory))
	}
	cfg.Budgets = append(cfg.Budgets, h.app.budget)
	return nil
}

// checkMemory refuses a budget in which the largest permitted body never finds
// room.
func (h *Handler) checkMemory() error {
	largest := largestHeld(h.route.Config())
	// The buffer of a body without a known length is one byte larger.
	if h.MaxMemory > 0 && h.MaxMemory <= largest {
		return fmt.Errorf("limits: memory %d has no room for one body of %d bytes, so some could never be accepted: "+
			"raise memory, or lower body or decompressed", h.MaxMemory, largest)
	}
	if h.app.MaxMemory > 0 && h.app.MaxMemory <= largest {
		return fmt.Errorf("limits: max_memory %d, of all routes, has no room for one body of %d bytes, so some could never be accepted: "+
			"raise max_memory in the global block, or lower body or decompressed", h.app.MaxMemory, largest)
	}
	return nil
}

// largestHeld is how much memory one request of a route may hold: its body, and
// beside it what comes out if that is compressed.
func largestHeld(cfg gateway.Config) int64 {
	if cfg.MaxDecompressed == 0 {
		return cfg.MaxBody
	}
	return cfg.MaxBody + gateway.DecompressedMemory(cfg.MaxDecompressed)
}

// parseDecompressed reads decompressed <size> [ratio <n>].
func (h *Handler) parseDecompressed(d *caddyfile.Dispenser) error {
	args := d.RemainingArgs()
	if len(args) != 1 && (len(args) != 3 || args[1] != "ratio") {
		return d.Err("decompressed: write `decompressed <size> [ratio <n>]`, such as `decompressed 10MB ratio 200`")
	}
	n, err := humanize.ParseBytes(args[0])
	if err != nil || n < 1 || n > 1<<62 {
		return d.Errf("decompressed: '%s' is not a size above zero: write it as 512KiB or 25MB", redact(args[0]))
	}
	h.MaxDecompressed = int64(n)
	if len(args) == 3 {
		if h.MaxRatio, err = strconv.Atoi(args[2]); err != nil || h.MaxRatio < 1 {
			return d.Errf("decompressed: '%s' is not a ratio: write a number of 1 or more", redact(args[2]))
		}
	}
	return nil
}

// parseMinRate reads <size>/s.
func parseMinRate(d *caddyfile.Dispenser, into *int64) error {
	var text string
	if err := parseString(d, &text); err != nil {
		return err
	}
	size, ok := strings.CutSuffix(text, "/s")
	n, err := humanize.ParseBytes(size)
	if !ok || err != nil || n < 1 || n > 1<<62 {
		return d.Errf("min_rate: '%s' is not a size above zero in a second: write it as 500B/s or 4KiB/s", redact(text))
	}
	*into = int64(n)
	return nil
}

var _ caddy.Destructor = (*rateState)(nil)
