package verifiers

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// A Provider describes one sender of webhooks: how its requests are
// authenticated, what is in them, and how it behaves as an HTTP client. It is
// data: the catalogue in package providers has one literal for each sender, and
// an operator may describe one that the catalogue lacks in the same words.
type Provider struct {
	// Name is the sender's permanent name: [a-z0-9-]+, the same in file names,
	// configuration, metrics and vectors.
	Name string `json:"name"`
	// Aliases are other names under which Lookup finds the provider.
	Aliases []string `json:"aliases,omitempty"`
	// Title is the sender's name as it writes it itself.
	Title string `json:"title,omitempty"`
	// Docs is the page on which the sender describes its signatures.
	Docs string `json:"docs,omitempty"`
	// Category groups entries in tables: one of Categories.
	Category string `json:"category,omitempty"`

	// Scheme is how a request is authenticated.
	Scheme Scheme `json:"-"`
	// Options are settings that the scheme or a handshake needs besides keys.
	Options []Option `json:"options,omitempty"`
	// SecretHint says in a few words what the secret is and where the sender
	// shows it. It is printed when a configuration lacks it.
	SecretHint string `json:"secret_hint,omitempty"`

	// ID is where a delivery's identity is: the same on every retry of one
	// event, different for every other event. Zero if the sender has none.
	ID Source `json:"id,omitzero"`
	// Type is where the event's type is.
	Type Source `json:"type,omitzero"`
	// Time is where the event's own time is, as RFC 3339 or as Unix time in
	// seconds or milliseconds.
	Time Source `json:"time,omitzero"`
	// TypePrefix goes before the type to make a CloudEvents type, in reverse
	// DNS and without the final dot: "com.stripe".
	TypePrefix string `json:"type_prefix,omitempty"`

	// Handshakes are the requests that are answered and never published, in
	// the order in which they are tried.
	Handshakes []Handshake `json:"handshakes,omitempty"`

	// Methods are the HTTP methods of events, and of nothing else: methods of
	// handshakes need not be repeated. Empty means POST.
	Methods []string `json:"methods,omitempty"`
	// ContentTypes are the media types that events may have, without
	// parameters. Empty means any.
	ContentTypes []string `json:"content_types,omitempty"`
	// Opaque means that an event's body is neither JSON nor a form, or a form that
	// only wraps something else, so that no JSON Schema says anything about it.
	Opaque bool `json:"opaque,omitempty"`
	// NeedsJSON means that an event's body is always JSON, so that one which
	// does not parse is refused.
	NeedsJSON bool `json:"needs_json,omitempty"`
	// SignsUncompressed means that the signature of a body that comes compressed is
	// over what was compressed. Otherwise it is over the bytes as sent.
	SignsUncompressed bool `json:"signs_uncompressed,omitempty"`
	// MaxBody is the largest body in bytes that the sender may send. Zero
	// means 1 MiB.
	MaxBody int64 `json:"max_body,omitempty"`
	// Addresses are where the sender publishes the addresses that it sends from; it
	// sends from those of all of them. Empty if it does not.
	Addresses []AddressList `json:"addresses,omitempty"`
	// Deadline is how long the sender waits for the answer. Zero means that it
	// is not known, and 10 s are assumed.
	Deadline time.Duration `json:"deadline,omitempty"`
	// RetrySpan is the time between a delivery and its last retry, manual
	// redelivery included. It sets the deduplication window. Zero means that
	// it is not known.
	RetrySpan time.Duration `json:"retry_span,omitempty"`
	// NeverRetries means that a failed delivery is lost unless somebody asks
	// for it again by hand.
	NeverRetries bool `json:"never_retries,omitempty"`
	// Success is the answer that tells the sender that the event has arrived.
	// The zero value means 200 with an empty body.
	Success Reply `json:"success,omitzero"`
	// Final4xx means that the sender never repeats a delivery that was answered
	// with a 4xx, so that whatever is only refused for now must be a 5xx.
	Final4xx bool `json:"final_4xx,omitempty"`
	// Batch says how one request becomes several events. Nil means that each
	// request is one event.
	Batch *Batch `json:"batch,omitempty"`
	// Varies are JSON Pointers of members that differ between the deliveries of
	// one event, such as the number of the attempt; in a batch they begin at the
	// element. They do not count where deliveries are compared.
	Varies []string `json:"varies,omitempty"`
	// Headers are the request headers worth handing to consumers besides the
	// ones the scheme reads: a list of what may pass, since anything else in a
	// request may hold a secret.
	Headers []string `json:"headers,omitempty"`

	// Setup says where to click at the sender to create the webhook and to find
	// its secret. One to three sentences.
	Setup string `json:"setup,omitempty"`
	// Signs says in words what is signed, as far as the scheme is not one of
	// this package, whose own words say it.
	Signs string `json:"signs,omitempty"`
	// Retries is the sender's schedule of retries in words.
	Retries string `json:"retries,omitempty"`
	// Notes are what receivers get wrong, one sentence or two each.
	Notes []string `json:"notes,omitempty"`
	// Sources are where the facts were read: URLs, or packages with versions
	// such as "npm stripe@23.1.0".
	Sources []string `json:"sources,omitempty"`
	// Confidence says how well the facts are founded.
	Confidence Confidence `json:"confidence,omitempty"`
}

// Confidence says how well an entry of the catalogue is founded.
type Confidence string

// The degrees of confidence.
const (
	// High means that the sender's own code, an official SDK or a published
	// example agrees with the entry.
	High Confidence = "high"
	// Medium means that the entry follows the sender's documentation, or code
	// of others that is in use, and no request of the sender was seen.
	Medium Confidence = "medium"
)

// Categories are the values of [Provider.Category], in the order of tables.
var Categories = []string{
	"generic", "dev", "infra", "identity", "payments", "commerce", "comms", "crm", "saas", "media",
}

// A Batch says how one request becomes several events. Each element of an array
// is an event of its own, whose payload is the exact bytes of that element.
type Batch struct {
	// In is where the JSON text with the array is. Zero means the body.
	In Source `json:"in,omitzero"`
	// Elements is the JSON Pointer of the array; empty if the text itself is
	// the array. A request in which there is no array is one event, and one
	// whose array is empty has nothing to publish.
	Elements string `json:"elements,omitempty"`
	// Or are pointers of further arrays, for senders that name the array after
	// what is in it. A request in which several of the arrays are is one event.
	Or []string `json:"or,omitempty"`
	// ID, Type and Time are the element's: pointers of JSON sources begin at
	// the element, headers and parameters are those of the request. Where an
	// element has no ID its id is the request's, followed by "." and the index;
	// the index also follows an ID that is not in the element. Zero Type and Time
	// mean the request's.
	ID   Source `json:"id,omitzero"`
	Type Source `json:"type,omitzero"`
	Time Source `json:"time,omitzero"`
}

// New returns a verifier for requests of the provider. It returns an error, and
// never a verifier that accepts less than it should, if the scheme cannot be
// built from cfg: no key, a key in the wrong format, a missing required option,
// no fetcher for a scheme that needs one.
func (p Provider) New(cfg Config) (Verifier, error) {
	if p.Scheme == nil {
		return nil, fmt.Errorf("%s: no scheme", p.Name)
	}
	if err := p.checkOptions(cfg.Options); err != nil {
		return nil, fmt.Errorf("%s: %w", p.Name, err)
	}
	return p.Scheme.Build(p.Name, cfg)
}

func (p Provider) checkOptions(values map[string]string) error {
	known := make(map[string]bool, len(p.Options))
	for _, o := range p.Options {
		known[o.Name] = true
		if o.Required && strings.TrimSpace(values[o.Name]) == "" {
			return fmt.Errorf("%w %s is missing", ErrOption, o.Name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if !known[name] {
			return fmt.Errorf("%w %s is unknown", ErrOption, name)
		}
	}
	return nil
}

// Option is a setting of a provider besides its keys.
type Option struct {
	// Name is the option's name in configuration: snake_case.
	Name string `json:"name"`
	// Doc says what it is, in one sentence for an operator.
	Doc string `json:"doc"`
	// Required means that the provider cannot be used without it.
	Required bool `json:"required,omitempty"`
	// Example is a value that shows what to write.
	Example string `json:"example,omitempty"`
	// Secret means that the value must never be shown.
	Secret bool `json:"secret,omitempty"`
	// Multiple means that the value may be several values separated by spaces.
	Multiple bool `json:"multiple,omitempty"`
}

// Config is what a deployment adds to a provider's description.
type Config struct {
	// Keys yields the secrets or public keys. Required, except where a scheme
	// says that its keys are fetched.
	Keys KeySource
	// Options holds the values of Provider.Options by name.
	Options map[string]string
	// Tolerance replaces the scheme's own replay window in both directions.
	// Zero means the provider's own; there is no value that turns it off.
	Tolerance time.Duration
	// Time is the clock. Nil means time.Now.
	Time func() time.Time
	// Trace, if it is set, is told of each text that is compared with signatures,
	// before it is. It is for tools: the text holds what the request does. Schemes
	// that are not of this package need not tell.
	Trace func(Text)
	// Fetcher gets keys and certificates that a scheme reads from the network.
	// Nil means no network: schemes that need one fail to build.
	Fetcher Fetcher
}

// A Scheme is a way to authenticate: [HMAC], [Ed25519], [ECDSA], [RSA], [JWT],
// [Token], [Basic], or a provider's own.
type Scheme interface {
	// Build returns a verifier whose errors carry the provider's name. It
	// fails closed: whatever is missing or malformed in cfg is an error here.
	Build(provider string, cfg Config) (Verifier, error)
}

// A Signer is a [Scheme] that can also play the sender: every symmetric scheme
// is one, and so are the asymmetric ones, given a private key.
type Signer interface {
	Scheme
	// Sign adds to the request what the sender would add to prove itself at the
	// given time, with the first of the keys: to headers and URL, and to the
	// body only where the sender has its signature, time or token there. A body
	// is replaced and never written to.
	Sign(req *Request, cfg Config) error
}

// A KeyServer is a [Signer] whose receivers fetch the sender's keys, and which can
// also play the server that they fetch them from.
type KeyServer interface {
	Signer
	// Serve returns what makes receivers that have these options accept what key
	// signs, a key made by [NewPrivateKey]. The error is, or wraps,
	// [ErrKeyFormat] or [ErrOption].
	Serve(key *Key, options map[string]string) (Served, error)
}

// Served is what a [KeyServer] serves for a key.
type Served struct {
	// Documents are what receivers fetch, by URL. There are none if their options
	// say that they fetch nothing.
	Documents map[string]string
	// Options are further options that receivers must have, such as the root
	// certificate.
	Options map[string]string
}

// A Fetcher reads a document from a server over HTTPS. Implementations cache:
// asking for the same URL for each request is cheap. Package keyfetch has one.
type Fetcher interface {
	// Fetch returns the document at rawURL. It must refuse a URL that pin does
	// not allow. Any error means that the document could not be had now.
	Fetch(ctx context.Context, pin Pin, rawURL string) ([]byte, error)
}
