package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// Contract is what a gateway publishes, and what it needs for that: the answer of
// GET /webhooks/contract. It holds no secret and no login.
type Contract struct {
	// PublicURL is what ce-source begins with; empty if nothing is configured.
	PublicURL string `json:"public_url,omitempty"`
	// Attested means that events are signed by the gateway.
	Attested bool `json:"attested"`
	// Connections are those that events go to or that something is read from, the one
	// without a name first.
	Connections []ContractConnection `json:"connections"`
	// Routes are those that publish, in the order of connection, tenant and source.
	Routes []ContractRoute `json:"routes"`
	// Documents are the schemas, in the order of their names.
	Documents []ContractDocument `json:"documents"`
}

// ContractConnection is a connection to NATS with what the gateway uses there.
type ContractConnection struct {
	// Name is "default" for the one without a name.
	Name string `json:"name"`
	// Embedded means that JetStream runs inside the gateway, and Listen is where it
	// takes clients; empty if it takes none.
	Embedded bool   `json:"embedded"`
	Listen   string `json:"listen,omitempty"`
	// Servers are the URLs of a cluster, without logins.
	Servers []string `json:"servers,omitempty"`
	// APIPrefix is where JetStream is asked, such as $JS.API, and InboxPrefix where
	// answers come.
	APIPrefix   string `json:"api_prefix"`
	InboxPrefix string `json:"inbox_prefix"`
	// Streams are those in use.
	Streams []ContractStream `json:"streams"`
	// Bodies is the bucket of the object store of large bodies; empty if there is
	// none. Forgotten is the bucket of ids that were forgotten.
	Bodies    string `json:"bodies,omitempty"`
	Forgotten string `json:"forgotten,omitempty"`
	// Create means that the gateway makes these buckets.
	Create bool `json:"create"`
	// Release is the stream to which an operator may release what nobody has verified.
	Release string `json:"release,omitempty"`
	// Secrets are the buckets with secrets of tenants.
	Secrets []string `json:"secrets,omitempty"`
	// Samples means that a few requests with a bad signature are kept.
	Samples bool `json:"samples"`
	// Spool means that events are kept on the gateway's disk while the cluster takes
	// none.
	Spool bool `json:"spool"`
}

// The roles of streams.
const (
	RoleVerified   = "verified"
	RoleUnverified = "unverified"
	RoleRoute      = "route" // of some routes
	RoleQuarantine = "quarantine"
	RoleOps        = "ops"
)

// ContractStream is a stream.
type ContractStream struct {
	Name string `json:"name"`
	Role string `json:"role"`
	// Subjects are those that it has.
	Subjects []string `json:"subjects"`
	// Create means that the gateway makes it.
	Create bool `json:"create"`
	// MaxAge is how long it keeps events, and Window how long it remembers ids.
	MaxAge string `json:"max_age"`
	Window string `json:"duplicate_window"`
}

// ContractName is a name in a subject: always the same one, or taken from the
// request.
type ContractName struct {
	// Name is the name, or the placeholder with what is around it.
	Name    string `json:"name"`
	Dynamic bool   `json:"dynamic,omitempty"`
}

// ContractRoute is a source of events.
type ContractRoute struct {
	Connection string       `json:"connection"`
	Stream     string       `json:"stream"`
	Tenant     ContractName `json:"tenant"`
	Source     ContractName `json:"source"`
	// Provider is the sender's name in the catalogue, or what the operator calls it.
	Provider   string `json:"provider"`
	Title      string `json:"title,omitempty"`
	Docs       string `json:"docs,omitempty"`
	TypePrefix string `json:"type_prefix"`
	// CESource is ce-source; empty if it depends on the request.
	CESource string `json:"ce_source,omitempty"`
	// ContentTypes are the media types that are accepted; empty means any.
	ContentTypes []string `json:"content_types"`
	Unverified   bool     `json:"unverified"`
	Dedupe       bool     `json:"dedupe"`
	Quarantine   bool     `json:"quarantine"`
	// Batch means that a request may have many events, each a message of its own.
	Batch bool `json:"batch"`
	// OrderKey means that events may have one, and Partitions how many there are.
	OrderKey   bool `json:"order_key"`
	Partitions int  `json:"partitions,omitempty"`
	// Compressed means that bodies may come compressed.
	Compressed bool `json:"compressed"`
	// Varies means that the provider changes something from delivery to delivery.
	Varies bool `json:"varies"`
	// Headers are those of requests that are handed on.
	Headers []string `json:"headers"`
	// OnInvalid is what happens to events that a schema refuses: quarantine, tag or
	// reject; empty if there are no schemas.
	OnInvalid string `json:"on_invalid,omitempty"`
	// Schemas are those that events are checked with.
	Schemas []ContractSchema `json:"schemas"`
}

// ContractSchema is a schema for some types.
type ContractSchema struct {
	// Schema is its address, as in ce-dataschema after "schema:".
	Schema string `json:"schema"`
	SHA256 string `json:"sha256"`
	// Types are the types that it is for, or the globs over them; "*" is any other.
	Types []string `json:"types"`
	// Document is the name of the document and Pointer the place in it.
	Document string `json:"document,omitempty"`
	Pointer  string `json:"pointer,omitempty"`
	// Problem says why there is no document.
	Problem string `json:"problem,omitempty"`
}

// ContractDocument is a file of schemas. A "$ref" in it is
// "#<name of a document>#<JSON Pointer>".
type ContractDocument struct {
	Name   string          `json:"name"`
	Draft  string          `json:"draft"`
	Schema json.RawMessage `json:"schema"`
}

// ContractSource returns a contract: that of a configuration, or that of a gateway.
type ContractSource func(ctx context.Context) (*Contract, error)

// RunningContract asks the gateway whose admin API is at an address; empty means the
// environment variable CADDY_ADMIN, and without it [DefaultAdmin]. Its errors are those
// of [AdminRequest].
func RunningContract(address string) ContractSource {
	return func(ctx context.Context) (*Contract, error) {
		r := Reach{Admin: address}
		if err := r.complete(); err != nil {
			return nil, err
		}
		res, err := AdminRequest(ctx, r.Admin, http.MethodGet, "/webhooks/contract", nil)
		if err != nil {
			return nil, err
		}
		defer func() { _ = res.Body.Close() }()
		c := new(Contract)
		if err := json.NewDecoder(io.LimitReader(res.Body, maxAdminAnswer)).Decode(c); err != nil {
			return nil, mark(ErrUnreachable, fmt.Errorf("reading the answer of the admin API: %w: is this a Caddy with the webhooks module?", err))
		}
		return c, nil
	}
}
