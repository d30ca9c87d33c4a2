package launch_test

const tied = true
