package caddymodule

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/keyfetch"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
)

// allowProvider is the word of Handler.AllowIPs for the addresses that the provider
// publishes.
const allowProvider = "provider"

const (
	// listKept is how old a list may be that is taken from Caddy's storage after a
	// start.
	listKept = 7 * 24 * time.Hour
	// listStorageTimeout is for storages that are elsewhere.
	listStorageTimeout = 10 * time.Second
)

// addressListKey is the key of a list in its pool: what describes it.
type addressListKey string

// addressLists are the lists in use in this process. They outlive configurations, so
// that a reload neither fetches them again nor refuses anybody.
var addressLists = caddy.NewUsagePool()

// addressListConfig is how lists are fetched.
type addressListConfig struct {
	fetcher     keyfetch.Config
	fresh       time.Duration // between a success and the next attempt
	retry, most time.Duration // after a failure; doubled after each up to the most
}

var defaultAddressListConfig = addressListConfig{
	fetcher: keyfetch.Config{Timeout: 30 * time.Second},
	fresh:   time.Hour, retry: 10 * time.Second, most: 10 * time.Minute,
}

// listStorage is the part of Caddy's storage that lists need.
type listStorage interface {
	Store(ctx context.Context, key string, value []byte) error
	Load(ctx context.Context, key string) ([]byte, error)
}

// publishedList is the list at one URL. It is fetched in the background; the last good
// one is kept until there is a better one.
type publishedList struct {
	from    verifiers.AddressList
	key     addressListKey
	cfg     addressListConfig
	fetcher *keyfetch.Fetcher
	known   atomic.Pointer[knownAddresses] // nil: none yet
	failed  atomic.Uint64
	use     atomic.Pointer[listUse] // the newest configuration's

	start  sync.Once
	cancel context.CancelFunc // nil: not started
	done   chan struct{}
}

type knownAddresses struct {
	prefixes []netip.Prefix
	fetched  time.Time
}

type listUse struct {
	log     *slog.Logger
	storage listStorage // nil: none
}

// publishedLists are the lists of one provider.
type publishedLists []*publishedList

// Lists reports whether an address is on one of the lists, and whether all are known.
func (ls publishedLists) Lists(addr netip.Addr) (listed, known bool) {
	known = true
	for _, l := range ls {
		k := l.known.Load()
		if k == nil {
			known = false
			continue
		}
		if slices.ContainsFunc(k.prefixes, func(p netip.Prefix) bool { return p.Contains(addr) }) {
			return true, true
		}
	}
	return false, known
}

// publishedAddresses lets the route permit what the provider publishes. Nothing is
// fetched before the app starts.
func (h *Handler) publishedAddresses(cfg *gateway.Config, p verifiers.Provider) error {
	if len(p.Addresses) == 0 {
		return fmt.Errorf("allow_ips: %s publishes no list of its addresses, as far as is known: write the addresses, "+
			"or describe the sender with a `provider` that has `addresses`. Lists are known of %s", p.Name, strings.Join(publishers(), ", "))
	}
	for _, l := range p.Addresses {
		list, err := h.app.addressList(l)
		if err != nil {
			return fmt.Errorf("allow_ips: %w", err)
		}
		h.published = append(h.published, list)
	}
	cfg.AddressList = h.published
	return nil
}

// publishers are the senders of the catalogue that publish their addresses.
func publishers() (names []string) {
	for _, p := range providers.All() {
		if len(p.Addresses) > 0 {
			names = append(names, p.Name)
		}
	}
	return names
}

// addressList returns a list until the app is released.
func (a *App) addressList(from verifiers.AddressList) (*publishedList, error) {
	text, err := json.Marshal(from)
	if err != nil {
		return nil, err
	}
	key := addressListKey(text)
	val, _, err := addressLists.LoadOrNew(key, func() (caddy.Destructor, error) {
		return newPublishedList(from, key, defaultAddressListConfig), nil
	})
	if err != nil {
		return nil, err
	}
	a.lists = append(a.lists, key)
	list, ok := val.(*publishedList)
	if !ok {
		return nil, fmt.Errorf("the pool of address lists holds a %T", val)
	}
	return list, nil
}

// startAddressLists begins to fetch what is not being fetched yet.
func (a *App) startAddressLists() {
	use := &listUse{log: a.log, storage: a.ctx.Storage()}
	for _, h := range a.handlers {
		for _, list := range h.published {
			list.run(use)
		}
	}
}

func (a *App) releaseAddressLists() error {
	var problems []error
	for _, key := range a.lists {
		_, err := addressLists.Delete(key)
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}

func newPublishedList(from verifiers.AddressList, key addressListKey, cfg addressListConfig) *publishedList {
	return &publishedList{from: from, key: key, cfg: cfg, fetcher: keyfetch.New(cfg.fetcher), done: make(chan struct{})}
}

// run fetches the list from now on.
func (l *publishedList) run(use *listUse) {
	l.use.Store(use)
	l.start.Do(func() {
		ctx, cancel := context.WithCancel(context.Background())
		l.cancel = cancel
		go func() {
			defer close(l.done)
			l.restore(ctx)
			l.refresh(ctx)
		}()
	})
}

// Destruct ends the fetching.
func (l *publishedList) Destruct() error {
	if l.cancel != nil {
		l.cancel()
		<-l.done
	}
	return l.fetcher.Close()
}

// refresh fetches the list until ctx ends. The times are a tenth longer at random, so
// that not all gateways ask at once.
func (l *publishedList) refresh(ctx context.Context) {
	retry := l.cfg.retry
	for ctx.Err() == nil {
		wait := l.cfg.fresh
		if err := l.fetch(ctx); err != nil {
			wait, retry = retry, min(2*retry, l.cfg.most)
		} else {
			retry = l.cfg.retry
		}
		select {
		case <-time.After(wait + rand.N(wait/10+1)): //nolint:gosec // to spread requests, not to hide them
		case <-ctx.Done():
		}
	}
}

func (l *publishedList) fetch(ctx context.Context) error {
	doc, err := l.fetcher.Read(ctx, l.from.Pin(), l.from.URL)
	var prefixes []netip.Prefix
	if err == nil {
		prefixes, err = l.from.Parse(doc)
	}
	use, before := l.use.Load(), l.known.Load()
	if err != nil {
		if ctx.Err() == nil {
			l.failed.Add(1)
			l.complain(use.log, before, err)
		}
		return err
	}
	now := &knownAddresses{prefixes: prefixes, fetched: time.Now()}
	l.known.Store(now)
	if before == nil || !slices.Equal(before.prefixes, prefixes) {
		use.log.Info("a sender's addresses are known, or have changed", "list", l.from.String(), "addresses", len(prefixes))
	}
	l.keep(ctx, use, now)
	return nil
}

// complain says what was not fetched, and what that means.
func (l *publishedList) complain(log *slog.Logger, kept *knownAddresses, err error) {
	attrs := []any{"list", l.from.String(), "error", err}
	if e, ok := errors.AsType[*keyfetch.Error](err); ok && e.Cause != nil {
		attrs = append(attrs, "cause", e.Cause)
	}
	if e, ok := errors.AsType[*keyfetch.Error](err); ok && e.Status != 0 {
		attrs = append(attrs, "status", e.Status)
	}
	if kept == nil {
		log.Error("fetching a sender's addresses: its requests are answered 503 until the list is there", attrs...)
		return
	}
	log.Warn("fetching a sender's addresses: the last list is kept", append(attrs, "fetched", kept.fetched)...)
}

// storedList is a list in Caddy's storage.
type storedList struct {
	URL       string         `json:"url"`
	Fetched   time.Time      `json:"fetched"`
	Addresses []netip.Prefix `json:"addresses"`
}

func (l *publishedList) storageKey() string {
	sum := sha256.Sum256([]byte(l.key))
	return "webhooks/addresses/" + hex.EncodeToString(sum[:16]) + ".json"
}

// keep stores the list, for the next start.
func (l *publishedList) keep(ctx context.Context, use *listUse, k *knownAddresses) {
	if use.storage == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, listStorageTimeout)
	defer cancel()
	text, err := json.Marshal(storedList{URL: l.from.URL, Fetched: k.fetched.UTC(), Addresses: k.prefixes})
	if err == nil {
		err = use.storage.Store(ctx, l.storageKey(), text)
	}
	if err != nil && !errors.Is(ctx.Err(), context.Canceled) {
		use.log.Warn("keeping a sender's addresses for the next start", "list", l.from.String(), "error", err)
	}
}

// restore takes the list of an earlier start, if it is not too old, so that a sender is
// not refused because its list cannot be fetched right now.
func (l *publishedList) restore(ctx context.Context) {
	use := l.use.Load()
	if use.storage == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, listStorageTimeout)
	defer cancel()
	text, err := use.storage.Load(ctx, l.storageKey())
	if err != nil {
		return // there is none
	}
	var stored storedList
	if err = json.Unmarshal(text, &stored); err == nil {
		stored.Addresses, err = verifiers.AddressList{Pointers: []string{"/addresses"}}.Parse(text)
	}
	age := time.Since(stored.Fetched)
	switch {
	case err != nil:
		use.log.Warn("reading a sender's addresses of an earlier start", "list", l.from.String(), "error", err)
	case stored.URL == l.from.URL && 0 <= age && age < listKept:
		l.known.Store(&knownAddresses{prefixes: stored.Addresses, fetched: stored.Fetched})
		use.log.Info("a sender's addresses are those of an earlier start until they are fetched", "list", l.from.String(),
			"addresses", len(stored.Addresses), "fetched", stored.Fetched)
	}
}

// addressListMetrics is a collector over the lists in use.
type addressListMetrics struct{}

var (
	listAddresses = prometheus.NewDesc("caddy_webhooks_address_list_addresses", "Addresses and networks on a sender's published list; 0 if it is not known.", []string{"list"}, nil)
	listFetched   = prometheus.NewDesc("caddy_webhooks_address_list_timestamp_seconds", "When the list was fetched.", []string{"list"}, nil)
	listFailures  = prometheus.NewDesc("caddy_webhooks_address_list_failures_total", "Attempts to fetch the list that failed.", []string{"list"}, nil)
)

// Describe implements [prometheus.Collector].
func (addressListMetrics) Describe(ch chan<- *prometheus.Desc) {
	ch <- listAddresses
	ch <- listFetched
	ch <- listFailures
}

// Collect implements [prometheus.Collector].
func (addressListMetrics) Collect(ch chan<- prometheus.Metric) {
	lists := make(map[string]*publishedList) // sent after the pool is unlocked
	addressLists.Range(func(_, val any) bool {
		// Two descriptions may have one label, while a reload changes one: a label
		// that comes twice would be an error, of all metrics.
		if l, ok := val.(*publishedList); ok && lists[l.from.String()].before(l) {
			lists[l.from.String()] = l
		}
		return true
	})
	for label, l := range lists {
		count := 0
		if k := l.known.Load(); k != nil {
			count = len(k.prefixes)
			ch <- prometheus.MustNewConstMetric(listFetched, prometheus.GaugeValue, float64(k.fetched.UnixMilli())/1000, label)
		}
		ch <- prometheus.MustNewConstMetric(listAddresses, prometheus.GaugeValue, float64(count), label)
		ch <- prometheus.MustNewConstMetric(listFailures, prometheus.CounterValue, float64(l.failed.Load()), label)
	}
}

// before reports whether what is known of the list is older than of the other.
func (l *publishedList) before(other *publishedList) bool {
	if l == nil {
		return true
	}
	mine, theirs := l.known.Load(), other.known.Load()
	return theirs != nil && (mine == nil || mine.fetched.Before(theirs.fetched))
}

var (
	_ caddy.Destructor     = (*publishedList)(nil)
	_ gateway.AddressList  = publishedLists(nil)
	_ prometheus.Collector = addressListMetrics{}
)
