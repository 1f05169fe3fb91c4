# nginx as a CA's server for CRLs and certificates: static files with ETag and Last-Modified, and answers to conditions.
#
#     nginx_start           # and has $NGINX_URL, whose files are in $NGINX_FILES, and $NGINX_LOG: "STATUS PATH" a request
#     nginx_stop
#
# Below /loop it redirects in circles; below /portal to a page that asks to log in.
# shellcheck shell=bash
. "${BASH_SOURCE[0]%/*}/servers.sh"

nginx_pid=

nginx_start() {
    local root=$tmp/nginx port user=
    free_port
    port=$ret_port
    mkdir -p "$root/files" "$root/temporary"
    [ "$(id -u)" != 0 ] || user="user root;"
    echo '<!DOCTYPE html><html><body>Log in to the network of the hotel.</body></html>' > "$root/files/login.html"
    cat > "$root/nginx.conf" << END
daemon off; worker_processes 1; pid $root/pid; error_log $root/error.log; $user
events { worker_connections 256; }
http {
    log_format short '\$status \$uri';
    access_log $root/access.log short;
    client_body_temp_path $root/temporary;
    types { text/html html; application/pkix-crl crl; application/pkix-cert cer; application/pkcs7-mime p7c; }
    default_type application/octet-stream;
    server {
        listen 127.0.0.1:$port;
        root $root/files;
        location /loop { return 302 /loop; }
        location /portal { return 302 http://localhost:$port/login.html; }
    }
}
END
    server_run "$root/out" nginx -p "$root" -c "$root/nginx.conf" -e "$root/error.log"
    nginx_pid=$server_pid
    NGINX_URL=http://127.0.0.1:$port
    NGINX_FILES=$root/files
    NGINX_LOG=$root/access.log
    server_wait "$port" "$nginx_pid" "$root/error.log"
}

nginx_stop() {
    server_end "$nginx_pid"
    nginx_pid=
}
