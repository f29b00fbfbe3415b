package verifiers

import (
	"fmt"
	"net/url"
	"path"
	"strings"
)

const maxURL = 2048

// A Pin says which URLs may be fetched on a request's say-so: only HTTPS, only
// on port 443, only without user information, and only on these hosts.
type Pin struct {
	// Hosts are the permitted host names. A "*" stands for one or more
	// characters of [A-Za-z0-9-] within one label, so "sns.*.amazonaws.com" is
	// permitted and "*" never swallows a dot.
	Hosts []string `json:"hosts,omitempty"`
	// PathPrefix must begin the path, such as "/keys/", and the path must have no
	// steps . and .., and nothing that is percent-encoded. Empty means any.
	PathPrefix string `json:"path_prefix,omitempty"`
	// PathSuffix must end the path, such as ".pem". Empty means any.
	PathSuffix string `json:"path_suffix,omitempty"`
	// MaxBytes caps the size of the document. Zero means 64 KiB.
	MaxBytes int64 `json:"max_bytes,omitempty"`
}

// Check returns an error wrapping [ErrUntrusted] unless rawURL is a URL that p
// permits. The error does not hold the URL.
func (p Pin) Check(rawURL string) error {
	if len(rawURL) > maxURL {
		return fmt.Errorf("length of the URL: %w", ErrUntrusted)
	}
	for i := range len(rawURL) {
		if c := rawURL[i]; c <= ' ' || c >= 0x7f || c == '\\' {
			return fmt.Errorf("characters of the URL: %w", ErrUntrusted)
		}
	}
	u, err := url.Parse(rawURL)
	switch {
	case err != nil || u.Opaque != "":
		return fmt.Errorf("form of the URL: %w", ErrUntrusted)
	case u.Scheme != "https":
		return fmt.Errorf("scheme of the URL: %w", ErrUntrusted)
	case u.User != nil:
		return fmt.Errorf("user information in the URL: %w", ErrUntrusted)
	case u.Port() != "443" && strings.Contains(u.Host, ":"):
		return fmt.Errorf("port of the URL: %w", ErrUntrusted)
	case !p.permits(u.Hostname()):
		return fmt.Errorf("host of the URL: %w", ErrUntrusted)
	case !strings.HasSuffix(u.EscapedPath(), p.PathSuffix) || !p.below(u.EscapedPath()):
		return fmt.Errorf("path of the URL: %w", ErrUntrusted)
	}
	return nil
}

// below reports whether the path is one under the prefix, whoever reads it.
func (p Pin) below(escaped string) bool {
	return p.PathPrefix == "" ||
		strings.HasPrefix(escaped, p.PathPrefix) && path.Clean(escaped) == escaped && !strings.Contains(escaped, "%")
}

func (p Pin) permits(host string) bool {
	for _, pattern := range p.Hosts {
		if host != "" && matchHost(strings.ToLower(pattern), strings.ToLower(host)) {
			return true
		}
	}
	return false
}

// matchHost reports whether host fits pattern. A star takes as little as
// possible first and more when the rest does not fit, always within one label.
func matchHost(pattern, host string) bool {
	before, after, star := strings.Cut(pattern, "*")
	rest, ok := strings.CutPrefix(host, before)
	if !star || !ok {
		return pattern == host
	}
	for i := 0; i < len(rest) && isLabel(rest[i]); i++ {
		if matchHost(after, rest[i+1:]) {
			return true
		}
	}
	return false
}

func isLabel(c byte) bool {
	return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-'
}
