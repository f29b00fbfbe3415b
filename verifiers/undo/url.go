package undo

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// A URL is a form of a URL that the sender may have addressed.
type URL struct {
	// Name says what is different, such as "the scheme is https, the host is
	// hooks.example.com".
	Name string
	// URL is that form.
	URL *url.URL
}

// URLs are forms of the URL that the sender may have addressed before a proxy
// changed it, those with the fewest changes first. The header is that of the
// request: it may say which host a proxy was asked for.
func URLs(u *url.URL, header http.Header) []URL {
	list := []URL{{"", u}}
	vary := func(name func(url.URL) string, edit func(*url.URL) bool) {
		for _, v := range slices.Clip(list) {
			c := *v.URL
			if !edit(&c) || c.String() == v.URL.String() {
				continue
			}
			said := name(c)
			if v.Name != "" {
				said = v.Name + ", " + said
			}
			list = append(list, URL{said, &c})
		}
	}
	scheme := func(c url.URL) string { return "the scheme is " + c.Scheme }
	host := func(c url.URL) string { return "the host is " + c.Host }
	if forwarded := header.Get("X-Forwarded-Host"); forwarded != "" && !strings.ContainsAny(forwarded, ", /") {
		vary(host, func(c *url.URL) bool { c.Host = forwarded; return true })
	}
	vary(scheme, func(c *url.URL) bool {
		c.Scheme = map[string]string{"http": "https", "https": "http"}[c.Scheme]
		return c.Scheme != ""
	})
	vary(host, func(c *url.URL) bool {
		if port := c.Port(); port != "" {
			c.Host = strings.TrimSuffix(c.Host, ":"+port)
			return true
		}
		c.Host += ":" + map[bool]string{true: "443", false: "80"}[c.Scheme == "https"]
		return true
	})
	vary(func(c url.URL) string {
		if strings.HasSuffix(c.Path, "/") {
			return "the path ends in a slash"
		}
		return "the path does not end in a slash"
	}, func(c *url.URL) bool {
		if path, ok := strings.CutSuffix(c.Path, "/"); ok {
			c.Path, c.RawPath = path, strings.TrimSuffix(c.RawPath, "/")
			return true
		}
		c.Path += "/"
		if c.RawPath != "" {
			c.RawPath += "/"
		}
		return true
	})
	vary(func(url.URL) string { return "there is no query" }, func(c *url.URL) bool {
		c.RawQuery, c.ForceQuery = "", false
		return true
	})
	return list[1:]
}
