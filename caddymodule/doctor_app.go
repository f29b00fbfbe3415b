package caddymodule

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/cli"
	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/natsembed"
	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/natspub"
)

// leastSpace is the room that an embedded server needs at least.
const leastSpace = 1 << 30

// lookAtApp looks at the embedded server, and at the spools of clusters.
func (d *doctor) lookAtApp() {
	place := d.places.global("webhooks")
	for _, c := range d.app.all() {
		if c.NATS == nil {
			d.lookAtEmbedded(c, place)
			continue
		}
		if c.spools {
			d.lookAtStore("the spool", place, c.Spool.Dir, c.Spool.MaxSize)
		}
	}
}

func (d *doctor) lookAtEmbedded(c *App, place string) {
	if !c.publishes() || !c.stores {
		return
	}
	e := c.settings.embed
	const where = "nats embedded"
	if e.SyncInterval > 0 {
		d.Add("store-sync", where, place, fmt.Sprintf("sync interval %s", e.SyncInterval))
	} else {
		d.OK(where, natspub.WorthPrefix+"that the event is on this machine's disk, synced")
	}
	if host, _, err := net.SplitHostPort(e.Listen); err == nil && !cli.OnlyHere(host) {
		d.Add("listen-open", where, place, "listen "+e.Listen)
	}
	d.lookAtStore(where, place, e.StoreDir, e.MaxStore)
}

// lookAtStore looks at a directory in which events are kept, or at what it will be
// made in. Most is how many bytes they may have, 0 for a part of what is free.
func (d *doctor) lookAtStore(where, place, dir string, most int64) {
	there, err := standing(dir)
	if err == nil {
		err = writable(there)
	}
	if err != nil {
		d.Add("store-unwritable", where, place, err.Error(), "make it, for the user that Caddy runs as: `install -d -o caddy -m 700 "+dir+"`")
		return
	}
	locked, err := natsembed.Locked(dir)
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		d.Add("store-unwritable", where, place, err.Error())
	case locked && (d.live == nil || !slices.Contains(d.live.StoreDirs, dir)):
		d.Add("store-locked", where, place, dir+" is in use by another process, and no Caddy that is known here says that it is its own")
	case locked:
		d.OK(where, dir+" is that of the Caddy that runs")
	}
	if kind := natsembed.FileSystem(there); kind != "" {
		d.Add("store-filesystem", where, place, dir+" is on "+kind)
	}
	free, used, err := natsembed.Space(there, dir)
	switch {
	case err != nil:
		d.Skipped(where + ": how much room there is: " + err.Error())
	case most > 0 && free+used < most:
		d.Add("store-space", where, place, fmt.Sprintf("%s are free, and it may take %s", size(free), size(most)))
	case free < leastSpace:
		d.Add("store-space", where, place, fmt.Sprintf("%s are free", size(free)))
	default:
		d.OK(where, fmt.Sprintf("%s is writable, and has %s of room", dir, size(free)))
	}
}

// standing returns the directory, or the nearest one above it that is there.
func standing(dir string) (string, error) {
	for {
		info, err := os.Stat(dir)
		switch {
		case err == nil && !info.IsDir():
			return "", fmt.Errorf("%s is not a directory", dir)
		case err == nil:
			return dir, nil
		case !errors.Is(err, fs.ErrNotExist):
			return "", err
		case dir == filepath.Dir(dir):
			return "", err
		}
		dir = filepath.Dir(dir)
	}
}

// writable reports an error if nothing can be made in the directory. What it makes
// it removes.
func writable(dir string) error {
	f, err := os.CreateTemp(dir, ".caddy-webhooks-doctor-*")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// brokers are the connections to clusters, as the gateway would use them.
func (d *doctor) brokers() (list []cli.DoctorBroker) {
	for _, c := range d.app.all() {
		if c.NATS == nil {
			continue
		}
		name := cmp.Or(c.name, firstBroker)
		verified, unverified, routes := c.streams()
		list = append(list, cli.DoctorBroker{
			Name:    name,
			Connect: c.settings.connect,
			Publish: natspub.Config{
				Stream: verified, Unverified: unverified, Routes: routes,
				Quarantine:  c.QuarantineStream.translate(c.window(), true),
				Bodies:      c.bodies(),
				Forgotten:   c.forgotten(),
				APIPrefix:   c.settings.prefix,
				LargestBody: c.largest,
			},
			NoStreams: !c.stores,
			Unasked:   d.blind[name],
		})
	}
	return list
}
