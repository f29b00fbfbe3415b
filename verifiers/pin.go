package verifiers

// A Pin says which URLs may be fetched on a request's say-so: only HTTPS, only
// on port 443, only without user information, and only on these hosts.
type Pin struct {
	// Hosts are the permitted host names. A "*" stands for one or more
	// characters of [A-Za-z0-9-] within one label, so "sns.*.amazonaws.com" is
	// permitted and "*" never swallows a dot.
	Hosts []string `json:"hosts,omitempty"`
	// PathSuffix must end the path, such as ".pem". Empty means any.
	PathSuffix string `json:"path_suffix,omitempty"`
	// MaxBytes caps the size of the document. Zero means 64 KiB.
	MaxBytes int64 `json:"max_bytes,omitempty"`
}

// Check returns an error wrapping [ErrUntrusted] unless rawURL is a URL that p
// permits. The error does not hold the URL.
func (p Pin) Check(rawURL string) error { return p.check(rawURL) }
