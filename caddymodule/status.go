package caddymodule

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/natspub"
)

// appStatus is the answer of GET /webhooks/status.
type appStatus struct {
	Instance string         `json:"instance"`
	Ready    bool           `json:"ready"`
	Routes   []routeStatus  `json:"routes"`
	Brokers  []brokerStatus `json:"brokers"`
	Streams  []streamStatus `json:"streams"`
	Budget   budgetStatus   `json:"budget"`
	Spools   []spoolStatus  `json:"spools,omitempty"`

	Attestation *attestationStatus `json:"attestation,omitempty"`
}

type routeStatus struct {
	Tenant     string         `json:"tenant"`
	Source     string         `json:"source"`
	Provider   string         `json:"provider"`
	Origin     string         `json:"origin,omitempty"`
	Unverified bool           `json:"unverified"`
	Secrets    []secretStatus `json:"secrets"`
	Dedupe     bool           `json:"dedupe"`
	Publish    bool           `json:"publish"`
	Broker     string         `json:"broker,omitempty"`
	Quarantine bool           `json:"quarantine"`
	Spool      string         `json:"spool"`
	Batch      string         `json:"batch,omitempty"`
	Schema     bool           `json:"schema"`
	PassThru   bool           `json:"pass_thru"`
	MaxBody    int64          `json:"max_body"`
}

// secretStatus says which secrets a route has, and nothing about them.
type secretStatus struct {
	ID    string     `json:"id"`
	Until *time.Time `json:"until,omitempty"`
}

type brokerStatus struct {
	Name       string   `json:"name,omitempty"`
	Kind       string   `json:"kind"`
	Servers    []string `json:"servers,omitempty"`
	StoreDir   string   `json:"store_dir,omitempty"`
	Listen     string   `json:"listen,omitempty"`
	Sync       string   `json:"sync,omitempty"`
	Connection string   `json:"connection"`
	Connected  string   `json:"connected_to,omitempty"`
	Version    string   `json:"version,omitempty"`
	Reconnects uint64   `json:"reconnects"`
	Ready      bool     `json:"ready"`
	Problem    string   `json:"problem,omitempty"`
	Pending    int      `json:"pending"`
	MaxPending int      `json:"max_pending"`
}

type streamStatus struct {
	Broker          string          `json:"broker,omitempty"`
	Name            string          `json:"name"`
	Role            string          `json:"role"`
	MaxAge          string          `json:"max_age"`
	MaxBytes        int64           `json:"max_bytes"`
	DuplicateWindow string          `json:"duplicate_window"`
	Subjects        []string        `json:"subjects,omitempty"`
	Preflight       string          `json:"preflight"`
	Checked         *time.Time      `json:"checked,omitempty"`
	Refused         string          `json:"refused,omitempty"`
	Findings        []findingStatus `json:"findings"`
}

type findingStatus struct {
	Severity natspub.Severity `json:"severity"`
	Problem  string           `json:"problem"`
	Cure     string           `json:"cure,omitempty"`
}

type budgetStatus struct {
	Requests  int   `json:"requests"`
	Memory    int64 `json:"memory"`
	MaxMemory int64 `json:"max_memory"`
}

type spoolStatus struct {
	Broker string `json:"broker,omitempty"`
	Dir    string `json:"dir"`
	natspub.SpoolStatus
}

// adminStatus answers GET /webhooks/status: what this process is configured to
// do and how its brokers are. It asks nobody, so that it answers while a broker
// does not.
func (a *App) adminStatus(http.ResponseWriter, *http.Request) (any, error) {
	st := appStatus{
		Instance: strings.TrimPrefix(a.settings.connect.Name, connectionPrefix),
		Routes:   a.routeStatus(),
		Brokers:  []brokerStatus{},
		Streams:  []streamStatus{},
		Ready:    true,
		Budget:   budgetStatus{MaxMemory: a.MaxMemory},

		Attestation: a.attestationStatus(),
	}
	st.Budget.Requests, st.Budget.Memory = a.budget.InUse()
	for _, c := range a.all() {
		c.addStatus(&st)
	}
	return st, nil
}

// addStatus adds what there is to say about one connection.
func (a *App) addStatus(st *appStatus) {
	s := a.shown.Load()
	if s == nil {
		st.Ready = st.Ready && !a.stores
		return
	}
	b := a.brokerStatus(s)
	st.Brokers = append(st.Brokers, b)
	st.Streams = append(st.Streams, a.streamStatus(s)...)
	s.mu.Lock()
	spool := s.spool
	s.mu.Unlock()
	if spool == nil {
		st.Ready = st.Ready && b.Ready
		return // else what the cluster does not take is kept
	}
	st.Spools = append(st.Spools, spoolStatus{Broker: a.name, Dir: a.Spool.Dir, SpoolStatus: spool.spool.Status()})
}

func (a *App) routeStatus() []routeStatus {
	list := make([]routeStatus, 0, len(a.routes))
	for _, h := range a.routes {
		cfg := h.route.Config()
		r := routeStatus{
			Tenant:     h.tenantName.String(),
			Source:     h.sourceName.String(),
			Provider:   cfg.Provider.Name,
			Origin:     h.Origin,
			Unverified: cfg.Unverified,
			Secrets:    []secretStatus{},
			Dedupe:     !cfg.NoDedupe,
			Publish:    !cfg.NoPublish,
			Broker:     h.Connection,
			Quarantine: !cfg.NoQuarantine,
			Spool:      string(h.spool),
			Batch:      h.Batch,
			Schema:     cfg.Validator != nil && !cfg.ValidatorWatches,
			PassThru:   h.PassThru,
			MaxBody:    cfg.MaxBody,
		}
		for i, s := range h.Secrets {
			secret := secretStatus{ID: s.keyID(i)}
			if !s.Until.IsZero() {
				secret.Until = &h.Secrets[i].Until
			}
			r.Secrets = append(r.Secrets, secret)
		}
		list = append(list, r)
	}
	slices.SortFunc(list, func(x, y routeStatus) int {
		return cmp.Or(cmp.Compare(x.Tenant, y.Tenant), cmp.Compare(x.Source, y.Source))
	})
	return list
}

func (a *App) brokerStatus(s *session) brokerStatus {
	st := brokerStatus{Name: a.name, Kind: "cluster", Connection: "not yet", MaxPending: a.MaxPending}
	b := s.broker
	if e := b.embedded; e.StoreDir != "" {
		st.Kind, st.StoreDir, st.Listen = "embedded", e.StoreDir, e.Listen
		st.Sync = syncAlways
		if e.SyncInterval > 0 {
			st.Sync = syncOften + " " + e.SyncInterval.String()
		}
	}
	for _, raw := range a.settings.connect.URLs {
		if u, err := url.Parse(raw); err == nil {
			u.User = nil
			st.Servers = append(st.Servers, u.String())
		}
	}
	select {
	case <-b.done:
	default:
		st.Problem = "the broker is starting"
		return st
	}
	if b.err != nil {
		st.Connection, st.Problem = "none", b.err.Error()
		return st
	}
	st.connection(b.conn)
	if !a.publishes() {
		if st.Ready = b.conn.IsConnected(); !st.Ready {
			st.Problem = errNoAnswer.Error()
		}
		return st
	}
	s.mu.Lock()
	p := s.publisher
	s.mu.Unlock()
	if p == nil {
		st.Problem = "the broker is starting"
		return st
	}
	st.Pending = p.Pending()
	if err := p.Ready(); err != nil {
		st.Problem = err.Error()
		if last := b.conn.LastError(); last != nil && !b.conn.IsConnected() {
			st.Problem += ": " + last.Error()
		}
	} else if a.publisher.target.Load() == nil {
		st.Problem = "the streams are not ready"
	} else if last := s.lastFound(); last.fails >= fatalLooks {
		st.Problem = "the streams do not answer: " + last.failed.Error()
	} else {
		st.Ready = true
	}
	return st
}

func (st *brokerStatus) connection(nc *nats.Conn) {
	st.Connection = strings.ToLower(nc.Status().String())
	st.Reconnects = nc.Stats().Reconnects
	if nc.Status() != nats.CONNECTED {
		return
	}
	st.Connected, st.Version = nc.ConnectedServerName(), nc.ConnectedServerVersion()
}

// roleOfStream is what a stream is for, as it is configured and as it is used; it
// is not if that has no name.
type roleOfStream struct {
	role string
	cfg  *Stream
	used natspub.StreamConfig
}

func (a *App) rolesOf(routes []natspub.StreamConfig) (list []roleOfStream) {
	for _, used := range routes {
		list = append(list, roleOfStream{"route", a.RouteStreams[used.Name], used})
	}
	return list
}

func (a *App) streamStatus(session *session) []streamStatus {
	last := session.lastFound()
	list := []streamStatus{}
	if !a.publishes() {
		return list
	}
	verified, unverified, routes := a.streams()
	for _, s := range append([]roleOfStream{
		{"verified", a.Stream, verified},
		{"unverified", a.UnverifiedStream, unverified},
		{"quarantine", a.QuarantineStream, a.QuarantineStream.translate(a.window(), true)},
	}, a.rolesOf(routes)...) {
		if s.used.Name == "" {
			continue
		}
		st := streamStatus{
			Broker: a.name, Name: s.cfg.Name, Role: s.role, MaxAge: time.Duration(s.cfg.MaxAge).String(), MaxBytes: s.cfg.MaxBytes, Preflight: s.cfg.Preflight,
			DuplicateWindow: s.used.Window.String(), Subjects: s.used.Subjects, Findings: []findingStatus{},
		}
		if !last.at.IsZero() {
			st.Checked = &last.at
		}
		for _, name := range []string{"", s.cfg.Name} {
			if err := last.refused[name]; err != nil {
				st.Refused = err.Error()
			}
		}
		for _, f := range last.list {
			if f.Stream == s.cfg.Name || f.Stream == "" && s.role == "verified" {
				st.Findings = append(st.Findings, findingStatus{f.Severity, f.Problem, f.Cure})
			}
		}
		list = append(list, st)
	}
	return list
}
