package infer

import (
	"net/netip"
	"regexp"
	"strings"
	"time"
)

// formats are formats, as bits.
type formats uint16

// The formats that are looked for, the narrower first. Others, such as hostname,
// fit too much by accident.
const (
	formatDateTime formats = 1 << iota
	formatDate
	formatUUID
	formatIPv4
	formatIPv6
	formatEmail
	formatURI
	formatURITemplate
	allFormats = 1<<iota - 1
)

var formatNames = []struct {
	bit  formats
	name string
	fits func(string) bool
}{
	{formatDateTime, "date-time", isDateTime},
	{formatDate, "date", isDate},
	{formatUUID, "uuid", isUUID},
	{formatIPv4, "ipv4", isIPv4},
	{formatIPv6, "ipv6", isIPv6},
	{formatEmail, "email", isEmail},
	{formatURI, "uri", isURI},
	{formatURITemplate, "uri-template", isURITemplate},
}

// maxFormatted is the length up to which a text may be in a format.
const maxFormatted = 2048

// formatsOf returns which of the formats a text is in, as far as it is certain
// that a validator agrees.
func formatsOf(s string, of formats) (found formats) {
	if len(s) > maxFormatted {
		return 0
	}
	for _, f := range formatNames {
		if of&f.bit != 0 && f.fits(s) {
			found |= f.bit
		}
	}
	return found
}

var (
	variables = regexp.MustCompile(`\{[/?&.;+]?[A-Za-z0-9_]+(,[A-Za-z0-9_]+)*\}`)
	email     = regexp.MustCompile(`^[A-Za-z0-9_+-]+(\.[A-Za-z0-9_+-]+)*@[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)+$`)
)

func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		if dash := i == 8 || i == 13 || i == 18 || i == 23; dash != (s[i] == '-') || !dash && !isHex(s[i]) {
			return false
		}
	}
	return true
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// isURI takes only what is written out: a scheme, a host of letters, and what needs
// no escape or has one.
func isURI(s string) bool {
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok || scheme == "" || scheme[0] < 'a' || scheme[0] > 'z' || strings.Trim(scheme, "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
		return false
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	host, port, hasPort := strings.Cut(rest[:end], ":")
	if host == "" || hasPort && (port == "" || len(port) > 5 || strings.Trim(port, "0123456789") != "") {
		return false
	}
	for i := range len(host) {
		if !isAlphanumeric(host[i]) && host[i] != '.' && host[i] != '-' {
			return false
		}
	}
	fragment := false
	for i := end; i < len(rest); i++ {
		switch c := rest[i]; {
		case isAlphanumeric(c) || strings.IndexByte("-._~!$&'()*+,;=:@/?", c) >= 0:
		case c == '%' && len(rest) > i+2 && isHex(rest[i+1]) && isHex(rest[i+2]):
			i += 2
		case c == '#' && !fragment:
			fragment = true
		default:
			return false
		}
	}
	return true
}

func isDateTime(s string) bool {
	if len(s) < len("2006-01-02T15:04:05Z") || s[10] != 'T' || strings.Contains(s, ",") {
		return false
	}
	_, err := time.Parse(time.RFC3339Nano, s)
	return err == nil
}

func isDate(s string) bool {
	_, err := time.Parse(time.DateOnly, s)
	return err == nil
}

func isIPv4(s string) bool {
	a, err := netip.ParseAddr(s)
	return err == nil && a.Is4()
}

func isIPv6(s string) bool {
	a, err := netip.ParseAddr(s)
	return err == nil && a.Is6() && a.Zone() == ""
}

func isEmail(s string) bool {
	local, domain, _ := strings.Cut(s, "@")
	return len(local) <= 64 && len(domain) <= 253 && email.MatchString(s)
}

// isURITemplate takes URIs as well, which are templates without a variable: that
// at least one has a variable is not demanded, since uri comes first.
func isURITemplate(s string) bool {
	return isURI(variables.ReplaceAllString(s, ""))
}
