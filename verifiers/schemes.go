package verifiers

import "time"

// Hash names a hash function.
type Hash string

// The hash functions that webhook senders use. MD5 is for senders that offer
// nothing better, and only permitted in [HMAC], where its weakness does no harm,
// and in [Digest], where it does some.
const (
	MD5    Hash = "md5"
	SHA1   Hash = "sha1"
	SHA256 Hash = "sha256"
	SHA384 Hash = "sha384"
	SHA512 Hash = "sha512"
)

// Encoding names the way bytes are written as text.
type Encoding string

// The encodings. Decoding is strict: the wrong length, a character outside the
// alphabet, padding that does not belong there or trailing bits that are not
// zero make the value malformed. Hex may be in either case; base64url may be
// padded or not.
const (
	Hex       Encoding = "hex"
	Base64    Encoding = "base64"
	Base64URL Encoding = "base64url"
)

// KeyFormat says how the text of a key, as the provider shows it, becomes the
// key's bytes.
type KeyFormat string

// The key formats. The first is the default of symmetric schemes.
const (
	KeyText      KeyFormat = "text"      // the bytes of the text as they are
	KeyHex       KeyFormat = "hex"       // hexadecimal
	KeyBase64    KeyFormat = "base64"    // standard base64, padded
	KeyBase64URL KeyFormat = "base64url" // URL-safe base64, padded or not
	KeyWhsec     KeyFormat = "whsec"     // standard base64 after an optional "whsec_", which may be after "v1,"
	KeyWhpk      KeyFormat = "whpk"      // standard base64 of a public key after an optional "whpk_", which may be after "v1a,"
	KeyPEM       KeyFormat = "pem"       // PEM of a public key or certificate
	KeyNFKD      KeyFormat = "nfkd"      // the text in Unicode's normalization form KD, as UTF-8
	KeyAny       KeyFormat = "any"       // a public key as PEM, base64 of PEM, JWK, hex or base64 of raw bytes or PKIX DER
)

// TimeUnit says how a signed timestamp is written.
type TimeUnit string

// The units of timestamps. Numbers are plain decimals without sign, space or
// leading zeros.
const (
	Seconds      TimeUnit = "s" // the default
	Milliseconds TimeUnit = "ms"
	Microseconds TimeUnit = "us"
	Nanoseconds  TimeUnit = "ns"
	RFC3339      TimeUnit = "rfc3339"
	HTTPDate     TimeUnit = "http_date" // as in the header Date, RFC 9110
)

// AppendFunc appends to dst the bytes that a {custom} token stands for and
// returns the extended slice. The error is, or wraps, [ErrMissing] or
// [ErrMalformed].
type AppendFunc func(dst []byte, r *Request) ([]byte, error)

// Signed describes what a sender signs and where the signature is. It is common
// to all schemes that sign a text made of parts of the request.
type Signed struct {
	// Signature is where the signatures are. A source with Pair or Sep may
	// hold up to 16, and one that fits is enough. Elsewhere a second value is
	// malformed, and so is a header sent twice everywhere: two readers must
	// never see two different signatures.
	Signature Source `json:"signature"`
	// Encoding of the signature. Empty means hex.
	Encoding Encoding `json:"encoding,omitempty"`
	// Content is the signed text: a template of literal text and the tokens
	//
	//	{body}          the body as received
	//	{timestamp}     the text of Timestamp as received
	//	{id}            the value of ID
	//	{url}           the URL as the sender addressed it
	//	{header:Name}   a header's one value; missing if absent
	//	{query:name}    a parameter's one value
	//	{form:name}     a form field's one value
	//	{json:/pointer} a member of the JSON body
	//	{req:method}    the HTTP method
	//	{req:path}      the path as sent, escaped, without the query
	//	{req:host}      the URL's host, with its port if it has one
	//	{req:query}     the query as sent, without "?"
	//	{secret}        the key itself
	//	{option:name}   the value of an option
	//	{sha256:body}   lower-case hex of the body's SHA-256; also md5, sha1, sha512
	//	{base64:body}   standard base64 of the body
	//	{custom}        what Custom appends
	//
	// with "{{" and "}}" for braces. A header, parameter or field that the
	// template names is covered by the signature.
	Content string `json:"content"`
	// Custom is the {custom} token.
	Custom AppendFunc `json:"-"`
	// CustomCovers says what Custom protects, in addition to the tokens.
	CustomCovers Coverage `json:"-"`
	// Timestamp is where the signed time is. It must be part of Content.
	Timestamp Source `json:"timestamp,omitzero"`
	// Unit is how the timestamp is written. Empty means seconds.
	Unit TimeUnit `json:"unit,omitempty"`
	// Tolerance is the replay window in both directions. Zero with a Timestamp
	// means 5 minutes.
	Tolerance time.Duration `json:"tolerance,omitempty"`
	// ID is where the value of {id} is.
	ID Source `json:"id,omitzero"`
	// Key is the format of keys. Empty means text for HMAC and any form of a
	// public key for the others, which also read a format of secrets as that.
	Key KeyFormat `json:"key,omitempty"`
}

func (s Signed) signed() Signed { return s }

// HMAC is authentication with a keyed hash.
type HMAC struct {
	// Hash is the hash function. Required.
	Hash Hash `json:"hash"`
	// KeyHash means that the key is this hash of the secret. Empty means that
	// it is the secret itself.
	KeyHash Hash `json:"key_hash,omitempty"`
	Signed
}

// Digest is authentication with a hash, without a key of its own, over a text
// that contains the secret. Its Content must have the token {secret}.
type Digest struct {
	// Hash is the hash function. Required.
	Hash Hash `json:"hash"`
	// Sorted means that the values of the tokens are sorted, byte by byte,
	// before they are put together. Content must then be made of tokens alone.
	Sorted bool `json:"sorted,omitempty"`
	Signed
}

// Ed25519 is authentication with an Ed25519 signature (pure, RFC 8032).
type Ed25519 struct {
	Signed
}

// ECDSA is authentication with an ECDSA signature in ASN.1 DER, as SendGrid
// sends it, or as the bare concatenation of r and s.
type ECDSA struct {
	// Hash is the hash function. Required.
	Hash Hash `json:"hash"`
	// Raw means that the signature is r and s, each as wide as the curve.
	Raw bool `json:"raw,omitempty"`
	Signed
}

// RSA is authentication with an RSA signature.
type RSA struct {
	// Hash is the hash function. Required.
	Hash Hash `json:"hash"`
	// PSS means RSASSA-PSS with a salt of any length; otherwise PKCS #1 v1.5.
	PSS bool `json:"pss,omitempty"`
	Signed
}

// Token is a shared secret that the sender repeats with each request. It covers
// nothing: whoever sees one request can send others.
type Token struct {
	// Source is where the token is.
	Source Source `json:"source"`
	// Key is the format of keys. Empty means text.
	Key KeyFormat `json:"key,omitempty"`
}

// Basic is HTTP Basic authentication. The key is "user:password". It covers
// nothing.
type Basic struct{}

// JWT is authentication with a signed JSON Web Token (compact JWS) that the
// request carries.
type JWT struct {
	// Token is where the token is.
	Token Source `json:"token"`
	// Algorithms are the permitted values of alg: HS256, HS384, HS512, RS256,
	// RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA. Required;
	// "none" is never permitted, HS* cannot be mixed with the others, and a key
	// is only used for the kind of algorithm that it is made for.
	Algorithms []string `json:"algorithms"`
	// JWKS is the URL of the sender's JSON Web Key Set, in which "{option:name}"
	// stands for an option's value, as it does in Issuers; keys are then fetched
	// and chosen by kid, and Config.Keys is not used.
	JWKS string `json:"jwks,omitempty"`
	// Pin restricts JWKS. Zero means the host of JWKS.
	Pin Pin `json:"pin,omitzero"`
	// Issuers are the permitted values of iss. Empty means that it is not
	// checked.
	Issuers []string `json:"issuers,omitempty"`
	// Audience is the required value of aud, or of one of its members. Empty
	// means that it is not checked. "{url}" stands for the request's URL.
	Audience string `json:"audience,omitempty"`
	// AudienceOption names an [Option] that holds the audience.
	AudienceOption string `json:"audience_option,omitempty"`
	// BodyHash names the claim that holds the hash of the body. Empty means
	// that the token says nothing about the body, which then is not covered.
	BodyHash string `json:"body_hash,omitempty"`
	// BodyHashAlg is the hash function of BodyHash. Empty means SHA-256.
	BodyHashAlg Hash `json:"body_hash_alg,omitempty"`
	// BodyHashEncoding is the encoding of BodyHash. Empty means hex.
	BodyHashEncoding Encoding `json:"body_hash_encoding,omitempty"`
	// Timeless means that a token without exp is accepted whatever its age: for
	// senders that issue such, where the body, or its hash, is in the token.
	Timeless bool `json:"timeless,omitempty"`
	// RequireKeyID means that the header must have kid, for senders whose own
	// libraries ask for it.
	RequireKeyID bool `json:"require_key_id,omitempty"`
	// RequireExpiry means that exp must be there.
	RequireExpiry bool `json:"require_expiry,omitempty"`
	// Tolerance is the leeway for exp, nbf and iat, and the greatest age by
	// iat where there is no exp. Zero means 5 minutes. A token with neither
	// would be valid for ever and is refused as missing exp.
	Tolerance time.Duration `json:"tolerance,omitempty"`
	// Key is the format of keys in Config.Keys. Empty means text for HS* and
	// any form of a public key for the others.
	Key KeyFormat `json:"key,omitempty"`
}
