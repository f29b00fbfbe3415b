// Package gateway is the path of a webhook from the HTTP request to the durable
// event: read, verify, identify, validate, deduplicate, publish, answer. It
// knows HTTP and package verifiers, and neither Caddy nor NATS: those are
// behind the interfaces [Publisher], [Validator], [Observer] and [Confirmer].
//
// # Order
//
// The stages and their order are fixed, because each one protects the next:
// method, content type and address; a cheap limit per client; the body, capped;
// handshakes that are not signed; the signature, over exactly those bytes;
// signed handshakes; id, type and time; the limit per source, and filters; the
// schema; publishing with deduplication as one step; the answer. Nothing that
// is not verified is published as verified, remembered for deduplication or
// written to disk.
//
// # Answers
//
// The sender is told that an event has arrived only after one of the outcomes
// for which that is true; see [Outcome], whose table is the only place that
// knows HTTP statuses. A fault of ours or of the broker's is always a 503 with
// Retry-After: a 4xx would stop the sender's retries and lose the event. A
// failure's body is one line, the outcome's code and the request id; the reason
// is for the [Observer] alone.
//
// # Use
//
// [New] makes a [Route] of a [Config]. [Route.Handle] takes one request through
// the pipeline and returns the [Result] for the caller to write. A Route is
// also an [http.Handler], and [Paths] serves several, for use without Caddy:
//
//	stripe, err := gateway.New(gateway.Config{
//		Tenant: "default", Source: "stripe",
//		Provider: provider, Verifier: verifier, Publisher: publisher,
//	})
//	http.ListenAndServe(":8080", gateway.Paths{"/stripe": stripe})
//
// # What is not decoded
//
// Bodies are published as they were received. One with a Content-Encoding is
// refused (415), because consumers would get bytes that are not what their
// content type says, unless the Config has a MaxDecompressed: then one that came
// compressed with gzip is published as what came out. The signature is verified
// first, over the bytes as sent, unless the provider signs what it compresses. JSON is looked at after verification, once, and only if the
// provider's events are always JSON, if the id, type or time is in it, or if
// there is a Validator or a [Condition] that asks for it; an unsigned handshake
// whose conditions are in the body is the only exception. It is decoded only for a
// Validator, and the lists and objects that a Condition asks for: to check it, and
// to find ids, scalars and the elements of batches, it is scanned.
//
// # Filters
//
// An event is wanted if it fits one of the globs and Conditions of Accept and
// AcceptIf, or if there are none, and none of Drop and DropIf. Those that are not
// wanted are [Dropped]: the sender is told that they have arrived. A Condition that
// fails, or panics, or has no time left, never drops an event.
//
// # Batches
//
// Where a provider puts many events into one request, each element goes through
// the pipeline by itself from its id on, and is published as an [Event] with a
// [Part]. The outcome of the request is the worst of its elements', so that the
// sender is told that it has arrived only if all of it has, and otherwise sends
// it again; what was stored is then a duplicate.
package gateway
