package providers

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// SalesforceOutbound are SOAP messages of workflows and flows. They are not
// signed: what there is are the organisation's id, which is no secret, and the
// URL, which is yours to choose and therefore has to carry a token. A client
// certificate of Salesforce can be asked for in the server's TLS settings
// besides. Anything but the acknowledgement in SOAP is repeated. A message holds
// up to 100 notifications and is published as one event.
var SalesforceOutbound = add(verifiers.Provider{
	Name:   "salesforce-outbound",
	Title:  "Salesforce (outbound messages)",
	Docs:   "https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/sforce_api_om_outboundmessaging.htm",
	Scheme: salesforceScheme{},
	Options: []verifiers.Option{{
		Name: salesforceOrg, Example: "00D000000000001EAA",
		Doc:      "The id of your organisation, of 15 or 18 characters, as under Setup > Company Information.",
		Required: true,
	}},
	SecretHint: "a token of your choice, which the endpoint URL carries as the parameter token",
	Type:       verifiers.Const("notifications"),
	TypePrefix: "com.salesforce",
	Opaque:     true,
	RetrySpan:  24 * time.Hour,
	Success: verifiers.Reply{
		ContentType: "text/xml; charset=utf-8",
		Body: `<?xml version="1.0" encoding="UTF-8"?>` +
			`<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>` +
			`<notificationsResponse xmlns="http://soap.sforce.com/2005/09/outbound"><Ack>true</Ack></notificationsResponse>` +
			`</soapenv:Body></soapenv:Envelope>`,
	},
	Headers: []string{"Soapaction"},

	Category: "crm",
	Setup:    "Create an outbound message under Setup > Outbound Messages with the endpoint URL followed by ?token= and a long random token, and leave \"send session id\" off.",
	Signs:    "Nothing: the URL carries a token, and the body the organisation's id",
	Retries:  "For 24 hours with growing pauses, on request for 7 days.",
	Notes: []string{
		"The body is XML; each Notification in it has an Id that stays the same on retries.",
		"A message with a SessionId holds a credential, which is published with the body: switch it off.",
	},
	Sources: []string{
		"https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/sforce_api_om_outboundmessaging.htm",
	},
	Confidence: verifiers.Medium,
})

const (
	salesforceOrg   = "organization_id"
	salesforceShort = 15 // the length of an id without its check characters
	salesforceField = "xml OrganizationId"
)

var salesforceToken = verifiers.Token{Source: verifiers.Query("token")}

// salesforceScheme is a token and the organisation's id.
type salesforceScheme struct{}

// Build returns a verifier of both.
func (salesforceScheme) Build(provider string, cfg verifiers.Config) (verifiers.Verifier, error) {
	org := strings.TrimSpace(cfg.Options[salesforceOrg])
	if len(org) != salesforceShort && len(org) != salesforceShort+3 {
		return nil, fmt.Errorf("%s: %w %s: it must have 15 or 18 characters", provider, verifiers.ErrOption, salesforceOrg)
	}
	inner, err := salesforceToken.Build(provider, cfg)
	if err != nil {
		return nil, err
	}
	return verifiers.VerifierFunc(func(ctx context.Context, req *verifiers.Request) (verifiers.Result, error) {
		res, err := inner.Verify(ctx, req)
		if err != nil {
			return res, err
		}
		id, err := salesforceID(req.Body)
		if err == nil && (len(id) < salesforceShort || id[:salesforceShort] != org[:salesforceShort]) {
			err = verifiers.ErrUntrusted
		}
		if err != nil {
			return verifiers.Result{}, &verifiers.Error{Provider: provider, Field: salesforceField, Err: err}
		}
		return res, nil
	}), nil
}

// Sign adds the token.
func (salesforceScheme) Sign(req *verifiers.Request, cfg verifiers.Config) error {
	return salesforceToken.Sign(req, cfg)
}

// Places says where the token is.
func (salesforceScheme) Places() verifiers.Places { return salesforceToken.Places() }

// salesforceID returns the one OrganizationId of a message. A second one is
// malformed: two parsers might take different ones.
func salesforceID(body []byte) (string, error) {
	dec := xml.NewDecoder(bytes.NewReader(body))
	var path []string
	id, found := "", false
	for {
		t, err := dec.Token()
		switch {
		case errors.Is(err, io.EOF) && len(path) == 0 && found && id != "":
			return id, nil
		case errors.Is(err, io.EOF) && len(path) == 0:
			return "", verifiers.ErrMissing
		case err != nil:
			return "", verifiers.ErrMalformed
		}
		switch t := t.(type) {
		case xml.StartElement:
			path = append(path, t.Name.Local)
			if at := strings.Join(path, "/"); at == "Envelope/Body/notifications/OrganizationId" {
				if found {
					return "", verifiers.ErrMalformed
				}
				found = true
			}
		case xml.EndElement:
			path = path[:len(path)-1]
		case xml.CharData:
			if strings.Join(path, "/") == "Envelope/Body/notifications/OrganizationId" {
				id += string(t)
			}
		}
	}
}

// Interface guards.
var (
	_ verifiers.Signer = salesforceScheme{}
	_ verifiers.Placer = salesforceScheme{}
)
