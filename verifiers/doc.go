// Package verifiers decides whether an HTTP request really comes from the
// webhook provider that it claims to come from. It needs nothing but the
// standard library and Unicode normalization, does no network access of its own,
// logs nothing and starts no goroutines.
//
//	p, _ := providers.Lookup("stripe")
//	key, err := verifiers.NewKey("2026-09", []byte(os.Getenv("STRIPE_SECRET")))
//	v, err := p.New(verifiers.Config{Keys: verifiers.Keys{key}})
//	http.Handle("/stripe", verifiers.Middleware(v, 1<<20, handler))
//
// # Model
//
// A [Provider] is the description of one sender; package providers holds the
// catalogue. [Provider.New] joins it with a deployment's [Config], the keys
// above all, into a [Verifier]. A Verifier looks at a [Request] and returns
// either a [Result] or an [*Error] whose kind is one of the Err values.
//
// # Guarantees
//
// Nothing is accepted without a key: an empty secret cannot be made into a
// [Key], and a scheme without keys does not build. Secrets and signatures are
// compared in constant time and as bytes, after decoding. Bytes are verified as
// they were sent; nothing is parsed and written again. The replay window has
// two sides, and it is checked after the signature, so that "stale" means
// authentic but old. Errors never hold secrets, expected signatures or data
// from the request.
//
// # Rotation
//
// [Keys] is a list, the newest key first. A request that fits any of them is
// accepted, and [Result.KeyID] says which one it was.
//
// # Compatibility
//
// What verifies today verifies tomorrow, unless the provider has changed its
// rules or accepting it was a security bug.
package verifiers
