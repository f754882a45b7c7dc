#!/bin/sh
# The first process in the guest. Loads the devices, runs the job, and powers off.
#
# The guest's root is the host's, read-only. E2E_WORK, from the kernel's command line, is the one folder that can be
# written to, and appears as /media. It holds kernel (a link to what build.sh made) and job.sh; the job's exit status
# is left there as job.rc.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev 2>/dev/null
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t hostfs -o "$E2E_WORK" none /media || poweroff -f
# /tmp stays the host's, so that a checkout there is seen; what wants to write is sent elsewhere.
mount -t tmpfs tmpfs /run
mkdir -p /run/tmp /run/home
export TMPDIR=/run/tmp HOME=/run/home
ip link set lo up 2>/dev/null

modules=/media/kernel
# video9 is the virtual camera as users have it; video8 is the "webcam" that a program feeds, which has to take one
# feeder after another and therefore keeps both capabilities.
modprobe -d "$modules" v4l2loopback video_nr=9,8 card_label=livecam,webcam exclusive_caps=1,0 &&
  modprobe -d "$modules" vivid n_devs=1 node_types=0x1 vid_cap_nr=0 &&
  bash /media/job.sh
echo $? >/media/job.rc
sync
poweroff -f >/dev/null 2>&1
