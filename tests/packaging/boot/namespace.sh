# Boots systemd as PID 1 of its own namespaces, over a throw-away copy of this root: nothing it writes lasts, and
# it sees no other process, network or device. sh namespace.sh CGROUP FOLDER; FOLDER/prepare.sh fills the new root ($PWD).
set -eu
case ${3:-outside} in
outside)
  echo $$ >"$1/cgroup.procs"
  exec unshare --cgroup --mount --pid --net --ipc --uts --fork --kill-child --propagation private sh "$0" "$1" "$2" inside
  ;;
inside)
  new=$2/new
  mkdir "$new"
  mount -t tmpfs none "$new"
  mkdir "$new/upper" "$new/work" "$new/root"
  mount -t overlay none -o "lowerdir=/,upperdir=$new/upper,workdir=$new/work" "$new/root"
  cd "$new/root"
  mount -t proc none proc
  mount --bind proc/sys proc/sys
  mount -o remount,ro,bind proc/sys
  mount -t sysfs -o ro none sys
  mount -t cgroup2 none sys/fs/cgroup
  mount -t tmpfs none run
  mount -t tmpfs none tmp
  # Nodes of its own: rights that are set here must not reach the machine's.
  mount -t tmpfs -o mode=755 none dev
  mknod -m 666 dev/null c 1 3
  mknod -m 666 dev/zero c 1 5
  mknod -m 666 dev/full c 1 7
  mknod -m 666 dev/random c 1 8
  mknod -m 666 dev/urandom c 1 9
  mknod -m 666 dev/tty c 5 0
  mknod -m 666 dev/probe-disk b 7 99
  mkdir dev/shm dev/pts dev/mqueue
  mount -t tmpfs none dev/shm
  mount -t devpts -o newinstance,ptmxmode=666 none dev/pts
  ln -s pts/ptmx dev/ptmx
  mount -t mqueue none dev/mqueue
  ip link set lo up
  ip link add wire0 type dummy 2>/dev/null || ip link add wire0 type veth peer name wire1
  ip address add 10.99.0.1/24 dev wire0
  ip link set wire0 up
  ip link set wire1 up 2>/dev/null || true
  . "$2/prepare.sh"
  # Not chroot: the kernel gives no user namespace (PrivateUsers) to who is in one.
  mkdir -p opt/old
  pivot_root . opt/old
  cd /
  umount -l /opt/old
  exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    /usr/lib/systemd/systemd --system --unit=probe.target --log-target=console --show-status=no
  ;;
esac
