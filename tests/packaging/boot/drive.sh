# Runs as root beside the services, and keeps what they left: sh drive.sh OUT
exec >"$1/drive.log" 2>&1
set -x
/opt/packaging/install && touch "$1/installed"
# Not keys.conf: credentials do not come through in these namespaces.
systemctl daemon-reload
systemctl start rackprint || systemctl status --no-pager rackprint
systemctl is-active rackprint >"$1/active"
stat -c '%U:%G %a %n' /var/lib/rackprint /run/rackprint /etc/rackprint /etc/rackprint/rackprint.toml >"$1/owners"
systemctl reload rackprint
sleep 0.3
systemctl stop rackprint
systemctl show -P Result -P ExecMainStatus rackprint >"$1/result"
# Device units take udev, which does not run here.
sed -i '/^BindsTo=/d; s/^After=.*/After=network.target/' /usr/lib/systemd/system/rackprint-capture@.service
systemctl daemon-reload
systemctl start rackprint-capture@wire0 || systemctl status --no-pager rackprint-capture@wire0
set +x # Type=exec says nothing of when it is ready
for _ in $(seq 100); do [ -e /var/lib/rackprint/capture.json ] && break; sleep 0.1; done
set -x
sleep 0.3
systemctl stop rackprint-capture@wire0
cp /var/lib/rackprint/*.json /var/lib/rackprint/*.reloaded /var/lib/rackprint/*.drained "$1/"
systemctl status --no-pager -l rackprint rackprint-capture@wire0
touch "$1/done"
