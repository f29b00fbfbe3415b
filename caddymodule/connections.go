package caddymodule

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// Connection is one more connection to NATS, with streams of its own, for routes
// that choose it by its name.
type Connection struct {
	// The cluster. Required.
	NATS *NATS `json:"nats"`
	// The stream of verified events there. Default: as that of the app.
	Stream *Stream `json:"stream,omitempty"`
	// The stream of unverified events there. Default: as that of the app.
	UnverifiedStream *Stream `json:"unverified_stream,omitempty"`
	// Streams for routes there that have one of their own, by name.
	RouteStreams map[string]*Stream `json:"route_streams,omitempty"`
	// The stream of events that are kept aside there. Default: as that of the app.
	QuarantineStream *Stream `json:"quarantine_stream,omitempty"`
	// How many events may wait for it at one time. Default: 4096.
	MaxPending int `json:"max_pending,omitempty"`
}

// provisionConnections makes an app of each further connection: one that has no
// routes, and shares with this one what routes share. Such an app does with its
// connection what this one does with the first.
func (a *App) provisionConnections() error {
	a.others = make(map[string]*App, len(a.Connections))
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(a.Connections)) {
		other, err := a.provisionConnection(name, a.Connections[name])
		if err != nil {
			problems = append(problems, fmt.Errorf("connection %q: %w", name, err))
			continue
		}
		a.others[name] = other
	}
	return errors.Join(problems...)
}

func (a *App) provisionConnection(name string, c *Connection) (*App, error) {
	switch {
	case !connectionName.MatchString(name):
		return nil, errors.New("the name is not one: use letters, digits, _ and -, at most 64")
	case name == firstBroker:
		return nil, errors.New("the name is that of the connection without one: choose another")
	case c == nil || c.NATS == nil:
		return nil, errors.New("nats is missing: write where its servers are")
	case c.MaxPending < 0:
		return nil, errors.New("max_pending must be above zero")
	}
	other := &App{
		PublicURL: a.PublicURL, Instance: a.Instance,
		NATS: c.NATS, Stream: c.Stream, UnverifiedStream: c.UnverifiedStream, QuarantineStream: c.QuarantineStream,
		RouteStreams: c.RouteStreams,
		MaxPending:   c.MaxPending, PreflightInterval: a.PreflightInterval,

		name: name, main: a, ctx: a.ctx, log: a.log.With("connection", name),
		attester: a.attester, metrics: a.metrics, fetcher: a.fetcher, budget: a.budget, lease: a.lease, linked: make(chan struct{}),
	}
	other.publisher = newPublisher(other.heir)
	if other.MaxPending == 0 {
		other.MaxPending = defaultMaxPending
	}
	other.SignatureSamples = a.SignatureSamples
	if a.BodyStore != nil {
		store := *a.BodyStore
		other.BodyStore = &store
	}
	if a.Spool != nil {
		spool := *a.Spool
		spool.Dir += "-" + name
		other.Spool = &spool
	}
	problems := []error{other.checkStreams(), other.checkRouteStreams(), other.checkBodies(), other.checkSpool()}
	settings, err := other.brokerSettings()
	other.settings = settings
	return other, errors.Join(append(problems, err)...)
}

// connection returns the app of the connection with this name; that without a
// name is the first, and its name is "default".
func (a *App) connection(name string) (*App, error) {
	if name == "" || name == firstBroker {
		return a, nil
	}
	if other := a.others[name]; other != nil {
		return other, nil
	}
	if len(a.others) == 0 {
		return nil, fmt.Errorf("there is no connection %q: add `nats %s <url>...` to the global block webhooks", name, name)
	}
	return nil, fmt.Errorf("there is no connection %q: use one of %v, or add it to the global block webhooks", name, slices.Sorted(maps.Keys(a.others)))
}

// chosen returns the app of the connection that an operator names. Without a name
// it is the only one that is open: of several none is the obvious one, and what
// is done to events of the wrong cluster cannot be undone. The error is for the
// admin API.
func (a *App) chosen(name string) (*App, error) {
	var open []*App
	var names []string
	for _, c := range a.all() {
		if c.session == nil || !c.publishes() {
			continue
		}
		if name == c.label() {
			return c, nil
		}
		open, names = append(open, c), append(names, c.label())
	}
	switch {
	case name == "" && len(open) == 1:
		return open[0], nil
	case name == "" && len(open) > 1:
		return nil, apiError(http.StatusBadRequest, "there are several connections to NATS, and which one is meant is not said: name one of %s", strings.Join(names, ", "))
	case name == "" || name == firstBroker || a.others[name] != nil:
		return nil, apiError(http.StatusServiceUnavailable, "no route uses the connection to NATS")
	case len(open) == 0:
		return nil, apiError(http.StatusNotFound, "there is no connection %q, nor any other", name)
	}
	return nil, apiError(http.StatusNotFound, "there is no connection %q: name one of %s", name, strings.Join(names, ", "))
}

// connectAll opens the connections that routes need, at the same time, and waits
// for them.
func (a *App) connectAll() error {
	live.use(a.log)
	generations.begin(a)
	var problems []error
	waits := make(map[*App]func() error)
	for i, app := range a.all() {
		switch {
		case i == 0 && !app.stores && app.Embedded == nil && app.NATS == nil:
		case !app.publishes() && !app.reads:
			app.log.Warn("no route uses this connection to NATS; it is not opened")
		default:
			wait, err := app.begin()
			if err != nil {
				problems = append(problems, app.named(err))
				continue
			}
			waits[app] = wait
		}
	}
	running.add(a)
	failed := make(chan error, len(waits))
	for app, wait := range waits {
		go func() { failed <- app.named(wait()) }()
	}
	for range waits {
		problems = append(problems, <-failed)
	}
	return errors.Join(problems...)
}

// publishes reports whether the connection has streams of the gateway: a further
// one that nothing but secrets is read from has none.
func (a *App) publishes() bool { return a.name == "" || a.stores }

// named says in an error which connection it is about.
func (a *App) named(err error) error {
	if err == nil || a.name == "" {
		return err
	}
	return fmt.Errorf("connection %q: %w", a.name, err)
}

// all returns the apps of all connections, this one first.
func (a *App) all() []*App {
	apps := []*App{a}
	for _, name := range slices.Sorted(maps.Keys(a.others)) {
		apps = append(apps, a.others[name])
	}
	return apps
}

// heirKey is under which the app is found that has this app's broker now.
func (a *App) heirKey() string { return a.name + " " + a.settings.key }
