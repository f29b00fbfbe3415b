package caddymodule

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

// schemasAnswer is the answer of GET /webhooks/schemas.
type schemasAnswer struct {
	Routes []schemaRoute `json:"routes"`
}

// schemaRoute is what there is to say about the schemas of a route.
type schemaRoute struct {
	Tenant         string             `json:"tenant"`
	Source         string             `json:"source"`
	Provider       string             `json:"provider"`
	Origin         string             `json:"origin,omitempty"`
	Dir            string             `json:"dir,omitempty"`
	Bundled        bool               `json:"bundled"`
	UnknownType    string             `json:"unknown_type"`
	OnInvalid      gateway.SchemaMode `json:"on_invalid"`
	OnInvalidTypes []SchemaModeOf     `json:"on_invalid_types"`
	Schemas        []schemaStatus     `json:"schemas"`
	// NoSchema counts events of types that have none.
	NoSchema *schemaStatus `json:"no_schema,omitempty"`
	Shadow   *shadowStatus `json:"shadow,omitempty"`
}

// schemaStatus says how the checks with one schema ended.
type schemaStatus struct {
	Schema       string     `json:"schema,omitempty"`
	SHA256       string     `json:"sha256,omitempty"`
	Valid        int64      `json:"valid"`
	Invalid      int64      `json:"invalid"`
	TooExpensive int64      `json:"too_expensive"`
	Since        time.Time  `json:"since"`
	Last         *time.Time `json:"last,omitempty"`
}

// shadowStatus says what a candidate would have done.
type shadowStatus struct {
	Dir         string                 `json:"dir"`
	Since       time.Time              `json:"since"`
	Results     map[shadowResult]int64 `json:"results"`
	Schemas     []shadowSchema         `json:"schemas"`
	WouldReject []shadowSample         `json:"would_reject"`
}

type shadowSchema struct {
	Schema  string                 `json:"schema"`
	SHA256  string                 `json:"sha256"`
	Results map[shadowResult]int64 `json:"results"`
}

// adminSchemas answers GET /webhooks/schemas: which schemas there are, how checks
// with them ended, and what candidates would have done.
func (a *App) adminSchemas(_ http.ResponseWriter, r *http.Request) (any, error) {
	answer := schemasAnswer{Routes: []schemaRoute{}}
	query := r.URL.Query()
	tenant, source := query.Get("tenant"), query.Get("source")
	for _, c := range a.all() {
		for _, h := range c.handlers {
			if h.validator == nil || tenant != "" && h.tenantName.String() != tenant || source != "" && h.sourceName.String() != source {
				continue
			}
			answer.Routes = append(answer.Routes, h.schemaStatus())
		}
	}
	if len(answer.Routes) == 0 && (tenant != "" || source != "") {
		return nil, apiError(http.StatusNotFound, "no route with a schema is that of this tenant and source: GET /webhooks/schemas lists them")
	}
	return answer, nil
}

func (h *Handler) schemaStatus() schemaRoute {
	s, v := h.Schema, h.validator
	st := schemaRoute{
		Tenant: h.tenantName.String(), Source: h.sourceName.String(), Provider: h.Provider, Origin: h.Origin,
		Dir: s.Dir, Bundled: s.Bundled, UnknownType: cmp.Or(s.UnknownType, "accept"),
		OnInvalid: cmp.Or(s.OnInvalid, gateway.OnInvalidQuarantine), OnInvalidTypes: append([]SchemaModeOf{}, s.OnInvalidTypes...),
		Schemas: []schemaStatus{},
	}
	for _, set := range v.sets {
		for _, info := range set.Schemas() {
			one := v.checks.counts[info.Schema].status()
			one.Schema, one.SHA256 = info.Schema, info.SHA256
			st.Schemas = append(st.Schemas, one)
		}
	}
	if v.checks != nil {
		none := v.checks.counts[""].status()
		st.NoSchema = &none
	}
	if v.shadow != nil {
		st.Shadow = v.shadow.state.status(s.Shadow)
	}
	return st
}

func (c *schemaCount) status() schemaStatus {
	st := schemaStatus{Valid: c.valid.Load(), Invalid: c.invalid.Load(), TooExpensive: c.expensive.Load(), Since: c.since}
	if last := c.last.Load(); last != 0 {
		t := time.Unix(0, last).UTC()
		st.Last = &t
	}
	return st
}

func (s *shadowState) status(dir string) *shadowStatus {
	st := &shadowStatus{Dir: dir, Since: s.since, Results: make(map[shadowResult]int64), Schemas: []shadowSchema{}}
	for _, address := range slices.Sorted(maps.Keys(s.schemas)) {
		c := s.schemas[address]
		one := shadowSchema{Schema: address, SHA256: c.sha256, Results: make(map[shadowResult]int64)}
		for result, n := range c.counts {
			one.Results[result] = n.Load()
			st.Results[result] += n.Load()
		}
		if address != "" {
			st.Schemas = append(st.Schemas, one)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	st.WouldReject = append([]shadowSample{}, s.samples...)
	return st
}
