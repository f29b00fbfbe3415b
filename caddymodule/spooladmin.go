package caddymodule

import (
	"net/http"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/natspub"
)

// spoolAnswer is the answer of GET /webhooks/spool.
type spoolAnswer struct {
	Spools []spoolReport `json:"spools"`
	// None is why there is none.
	None string `json:"none,omitempty"`
}

// spoolReport is a spool, by the connection whose it is.
type spoolReport struct {
	Connection string `json:"connection"`
	Dir        string `json:"dir"`
	MaxAge     string `json:"max_age,omitempty"`
	natspub.SpoolReport
}

// openSpools returns the spools of the connection that is named, or of all.
func (a *App) openSpools(connection string) (map[*App]*natspub.Spool, error) {
	if connection != "" {
		if _, err := a.chosen(connection); err != nil {
			return nil, err
		}
	}
	list := make(map[*App]*natspub.Spool)
	for _, c := range a.all() {
		s := c.shown.Load()
		if s == nil || connection != "" && c.label() != connection {
			continue
		}
		s.mu.Lock()
		if s.spool != nil {
			list[c] = s.spool.spool
		}
		s.mu.Unlock()
	}
	return list, nil
}

// adminSpool answers GET /webhooks/spool. It asks nobody.
func (a *App) adminSpool(_ http.ResponseWriter, r *http.Request) (any, error) {
	return a.spoolAnswer(r.URL.Query().Get("connection"))
}

// adminSpoolDrain answers POST /webhooks/spool/drain: what waits is tried at once.
func (a *App) adminSpoolDrain(_ http.ResponseWriter, r *http.Request) (any, error) {
	var request struct {
		Connection string `json:"connection,omitempty"`
	}
	if err := adminBody(r, &request); err != nil {
		return nil, err
	}
	spools, err := a.openSpools(request.Connection)
	if err != nil {
		return nil, err
	}
	for _, s := range spools {
		s.Drain()
	}
	return a.spoolAnswer(request.Connection)
}

func (a *App) spoolAnswer(connection string) (any, error) {
	spools, err := a.openSpools(connection)
	if err != nil {
		return nil, err
	}
	answer := spoolAnswer{Spools: []spoolReport{}}
	needed, cluster := false, false
	for _, c := range a.all() {
		needed, cluster = needed || c.spools, cluster || c.NATS != nil
		if s := spools[c]; s != nil {
			r := spoolReport{Connection: c.label(), Dir: c.Spool.Dir, SpoolReport: s.Report()}
			if age := s.MaxAge(); age > 0 {
				r.MaxAge = age.Round(time.Second).String()
			}
			answer.Spools = append(answer.Spools, r)
		}
	}
	switch {
	case len(answer.Spools) > 0:
	case !cluster:
		answer.None = "JetStream runs in the gateway's process, so that events are on this machine's disk anyway"
	case !needed:
		answer.None = "no route uses one: while the cluster is away senders are asked to try again; `spool on_outage` in the global block webhooks, or in a route, keeps their events on this machine"
	default:
		answer.None = "it is not open yet"
	}
	return answer, nil
}
