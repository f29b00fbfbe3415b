package caddymodule

import (
	"net/http"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/driftbook"
	"github.com/caddy-webhooks/caddy-webhooks/schemas/drift"
)

// driftAnswer is the answer of GET /webhooks/drift.
type driftAnswer struct {
	Sources []driftSource    `json:"sources"`
	Memory  driftbook.Status `json:"memory"`
}

type driftSource struct {
	Tenant string `json:"tenant"`
	Source string `json:"source"`
	drift.Report
}

// driftRequest is what POST /webhooks/drift/acknowledge and /forget take.
type driftRequest struct {
	// Tenant and Source name the source. Source is required; the tenant is `default`
	// if it is left out.
	Tenant string `json:"tenant,omitempty"`
	Source string `json:"source"`
	// IDs are those of the findings, or All means all. For acknowledge.
	IDs []string `json:"ids,omitempty"`
	All bool     `json:"all,omitempty"`
}

// adminDrift answers GET /webhooks/drift: what was found in payloads that was never
// there before.
func (a *App) adminDrift(_ http.ResponseWriter, r *http.Request) (any, error) {
	answer := driftAnswer{Sources: []driftSource{}}
	book := a.drift.Load()
	if book == nil {
		return answer, nil
	}
	answer.Memory = book.Status()
	query := r.URL.Query()
	for _, s := range book.Sources(query.Get("tenant"), query.Get("source")) {
		answer.Sources = append(answer.Sources, driftSource{s.Name().Tenant, s.Name().Source, s.Report()})
	}
	if len(answer.Sources) == 0 && (query.Get("tenant") != "" || query.Get("source") != "") {
		return nil, errNoDrift(query.Get("tenant"), query.Get("source"))
	}
	return answer, nil
}

// adminDriftAcknowledge answers POST /webhooks/drift/acknowledge.
func (a *App) adminDriftAcknowledge(_ http.ResponseWriter, r *http.Request) (any, error) {
	req, s, err := a.driftRequest(r)
	if err != nil {
		return nil, err
	}
	if req.All == (len(req.IDs) > 0) {
		return nil, apiError(http.StatusBadRequest, "say which findings: their `ids`, or `\"all\": true`")
	}
	n := s.Acknowledge(req.IDs...)
	return map[string]int{"acknowledged": n, "open": s.Open()}, nil
}

// adminDriftForget answers POST /webhooks/drift/forget: learning begins anew.
func (a *App) adminDriftForget(_ http.ResponseWriter, r *http.Request) (any, error) {
	req, s, err := a.driftRequest(r)
	if err != nil {
		return nil, err
	}
	if req.All || len(req.IDs) > 0 {
		return nil, apiError(http.StatusBadRequest, "forget is for the whole source: what is known of single findings is not forgotten, they are acknowledged")
	}
	s.Forget()
	return driftSource{s.Name().Tenant, s.Name().Source, s.Report()}, nil
}

func (a *App) driftRequest(r *http.Request) (req driftRequest, s *driftbook.Source, err error) {
	if err := adminBody(r, &req); err != nil {
		return req, nil, err
	}
	if req.Tenant == "" {
		req.Tenant = defaultTenant
	}
	if req.Source == "" {
		return req, nil, apiError(http.StatusBadRequest, "name the `source`")
	}
	book := a.drift.Load()
	if book == nil {
		return req, nil, errNoDrift(req.Tenant, req.Source)
	}
	list := book.Sources(req.Tenant, req.Source)
	if len(list) == 0 {
		return req, nil, errNoDrift(req.Tenant, req.Source)
	}
	return req, list[0], nil
}

func errNoDrift(tenant, source string) error {
	name := source
	if tenant != "" {
		name = tenant + "/" + source
	}
	return apiError(http.StatusNotFound, "nothing is known of the payloads of %s: it has no `schema`, or `drift off`, or no event has come since Caddy was started", name)
}
