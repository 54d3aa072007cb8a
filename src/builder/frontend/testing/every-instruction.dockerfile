# check=skip=all
ARG BASE=busybox TAG=latest
ARG FLAVOUR

# tools makes files that others copy
FROM ${BASE}:${TAG} AS tools
ARG FLAVOUR=plain
WORKDIR /out
RUN echo "${FLAVOUR}" > flavour && mkdir -p deep/er
COPY <<one.txt <<-"two.txt" /out/
first $FLAVOUR
one.txt
	second $FLAVOUR
two.txt

FROM tools AS more
RUN <<EOF
set -e
echo more > /out/more
EOF
RUN <<script
#!/bin/sh
echo script > /out/script
script

FROM scratch AS empty
COPY --from=more /out /

FROM busybox AS Final
MAINTAINER Jane Doe <jane@example.org>
ARG ARG_0=value-0 ARG_0_B
ARG ARG_1=value-1
ARG ARG_2=value-2
ARG ARG_3=value-3 ARG_3_B
ARG ARG_4=value-4
ARG ARG_5=value-5
ARG ARG_6=value-6 ARG_6_B
ARG ARG_7=value-7
ARG ARG_8=value-8
ARG ARG_9=value-9 ARG_9_B
ARG ARG_10=value-10
ARG ARG_11=value-11
ARG ARG_12=value-12 ARG_12_B
ARG ARG_13=value-13
ARG ARG_14=value-14
ARG ARG_15=value-15 ARG_15_B
ARG ARG_16=value-16
ARG ARG_17=value-17
ARG ARG_18=value-18 ARG_18_B
ARG ARG_19=value-19
ARG GIVEN
ARG GIVEN_TOO=default
ENV NAME_0=value0
ENV NAME_1 legacy value 1
ENV NAME_2="quoted $ARG_2 value" OTHER_2='single $X'
ENV NAME_3=a\ b PATH_3=${PATH}:/x
ENV NAME_4=value4
ENV NAME_5 legacy value 5
ENV NAME_6="quoted $ARG_6 value" OTHER_6='single $X'
ENV NAME_7=a\ b PATH_7=${PATH}:/x
ENV NAME_8=value8
ENV NAME_9 legacy value 9
ENV NAME_10="quoted $ARG_10 value" OTHER_10='single $X'
ENV NAME_11=a\ b PATH_11=${PATH}:/x
ENV NAME_12=value12
ENV NAME_13 legacy value 13
ENV NAME_14="quoted $ARG_14 value" OTHER_14='single $X'
ENV NAME_15=a\ b PATH_15=${PATH}:/x
ENV NAME_16=value16
ENV NAME_17 legacy value 17
ENV NAME_18="quoted $ARG_18 value" OTHER_18='single $X'
ENV NAME_19=a\ b PATH_19=${PATH}:/x
ENV NAME_20=value20
ENV NAME_21 legacy value 21
ENV NAME_22="quoted $ARG_2 value" OTHER_22='single $X'
ENV NAME_23=a\ b PATH_23=${PATH}:/x
ENV NAME_24=value24
ENV NAME_25 legacy value 25
ENV NAME_26="quoted $ARG_6 value" OTHER_26='single $X'
ENV NAME_27=a\ b PATH_27=${PATH}:/x
ENV NAME_28=value28
ENV NAME_29 legacy value 29
ENV SUB=${NAME_0:-d} DEF=${NOPE:-default} ALT=${NAME_0:+alt} TRIM=${NAME_0#val} TAIL=${NAME_0%0} REPL=${NAME_0/value/x}
ENV multi=1 \
    line=2 \
    # a comment within
    third="3 3"
LABEL org.example.l0=v0
LABEL "quoted key 1"="value <&> 1"
LABEL l2='single ${NAME_2}' m2="double ${NAME_2}"
LABEL org.example.l3=v3
LABEL "quoted key 4"="value <&> 4"
LABEL l5='single ${NAME_5}' m5="double ${NAME_5}"
LABEL org.example.l6=v6
LABEL "quoted key 7"="value <&> 7"
LABEL l8='single ${NAME_8}' m8="double ${NAME_8}"
LABEL org.example.l9=v9
LABEL "quoted key 10"="value <&> 10"
LABEL l11='single ${NAME_11}' m11="double ${NAME_11}"
LABEL org.example.l12=v12
LABEL "quoted key 13"="value <&> 13"
LABEL l14='single ${NAME_14}' m14="double ${NAME_14}"
LABEL org.example.l15=v15
LABEL "quoted key 16"="value <&> 16"
LABEL l17='single ${NAME_17}' m17="double ${NAME_17}"
LABEL org.example.l18=v18
LABEL "quoted key 19"="value <&> 19"
LABEL l20='single ${NAME_20}' m20="double ${NAME_20}"
LABEL org.example.l21=v21
LABEL "quoted key 22"="value <&> 22"
LABEL l23='single ${NAME_23}' m23="double ${NAME_23}"
LABEL org.example.l24=v24
LABEL multi.line="a \
b" second=c
EXPOSE 80
EXPOSE 443/tcp 53/udp 8000-8003
EXPOSE ${ARG_0:+9999}
EXPOSE 81/TCP 82/sctp
VOLUME /data
VOLUME ["/var/log", "/var/db $NAME_0"]
VOLUME /x /y
USER 1000
WORKDIR /home/user
WORKDIR rel/ative
WORKDIR $NAME_0
USER 0:0
WORKDIR /
STOPSIGNAL SIGTERM
STOPSIGNAL 9
SHELL ["/bin/sh", "-e", "-c"]
HEALTHCHECK NONE
HEALTHCHECK --interval=1m30s --timeout=5s --start-period=2s --start-interval=500ms --retries=4 CMD wget -q http://localhost/ || exit 1
HEALTHCHECK --interval=10s CMD ["/bin/check", "now"]
RUN true
RUN ["true", "exec form", "$HOME"]
RUN echo one && \
    # comment
    echo two; \
    echo "three $NAME_1 ${ARG_1}"
RUN --mount=type=cache,id=every,target=/cache,sharing=locked echo c > /cache/c
RUN --mount=type=bind,from=tools,source=/out,target=/mnt/tools cat /mnt/tools/flavour
RUN --mount=type=tmpfs,target=/scratch,size=1m touch /scratch/x
RUN --mount=type=secret,id=none,target=/run/none true
RUN --mount=target=/src,ro cat /src/a.txt
RUN --network=none true
RUN <<EOF cat > /heredoc
within $NAME_0
EOF
RUN <<"EOF"
echo not $expanded
EOF
COPY a.txt /copied/
COPY a.txt b.txt /copied/
COPY ["a.txt", "/with space/"]
COPY dir /dir
COPY --chown=1000:1000 --chmod=0640 a.txt /owned
COPY --chmod=u+x b.txt /exec
COPY --link a.txt /linked/
COPY --from=tools /out/flavour /flavour
COPY --from=more /out/more /out/script /scripts/
COPY --from=empty / /all/
COPY --from=0 /out/deep /deep
COPY *.txt /globbed/
COPY $NAME_0* ./
ADD a.txt /added
ADD files.tar /unpacked/
ADD --chown=5:6 b.txt /added-owned
ADD --link dir /added-dir/
ARG LATE_0=late0
ARG LATE_1
ARG LATE_2=late2
ARG LATE_3
ARG LATE_4=late4
ARG LATE_5
ARG LATE_6=late6
ARG LATE_7
ARG LATE_8=late8
ARG LATE_9
ARG LATE_10=late10
ARG LATE_11
ARG LATE_12=late12
ARG LATE_13
ARG LATE_14=late14
ARG LATE_15
ARG LATE_16=late16
ARG LATE_17
ARG LATE_18=late18
ARG LATE_19
ENV LATE_0=${LATE_0:-none}
ENV LATE_1=${LATE_1:-none}
ENV LATE_2=${LATE_2:-none}
ENV LATE_3=${LATE_3:-none}
ENV LATE_4=${LATE_4:-none}
ENV LATE_5=${LATE_5:-none}
ENV LATE_6=${LATE_6:-none}
ENV LATE_7=${LATE_7:-none}
ENV LATE_8=${LATE_8:-none}
ENV LATE_9=${LATE_9:-none}
ENV LATE_10=${LATE_10:-none}
ENV LATE_11=${LATE_11:-none}
ENV LATE_12=${LATE_12:-none}
ENV LATE_13=${LATE_13:-none}
ENV LATE_14=${LATE_14:-none}
ENV LATE_15=${LATE_15:-none}
ENV LATE_16=${LATE_16:-none}
ENV LATE_17=${LATE_17:-none}
ENV LATE_18=${LATE_18:-none}
ENV LATE_19=${LATE_19:-none}
ENV LATE_20=${LATE_0:-none}
ENV LATE_21=${LATE_1:-none}
ENV LATE_22=${LATE_2:-none}
ENV LATE_23=${LATE_3:-none}
ENV LATE_24=${LATE_4:-none}
ENV LATE_25=${LATE_5:-none}
ENV LATE_26=${LATE_6:-none}
ENV LATE_27=${LATE_7:-none}
ENV LATE_28=${LATE_8:-none}
ENV LATE_29=${LATE_9:-none}
ONBUILD RUN echo onbuild $NAME_0
ONBUILD COPY . /app
ONBUILD ENV A=b
ONBUILD USER nobody
CMD ["first"]
CMD echo shell form $NAME_0
ENTRYPOINT ["/entry", "$NAME_0"]
ENTRYPOINT exec form
CMD ["--flag", "a \"quoted\" word"]
# comment 227

EXPOSE 1229
VOLUME /pad/230
ENV PAD_231=$PATH
LABEL pad.232=232
ARG PAD_233
# comment 234

EXPOSE 1236
VOLUME /pad/237
ENV PAD_238=$PATH
LABEL pad.239=239
ARG PAD_240
# comment 241

EXPOSE 1243
VOLUME /pad/244
ENV PAD_245=$PATH
LABEL pad.246=246
ARG PAD_247
# comment 248

EXPOSE 1250
VOLUME /pad/251
ENV PAD_252=$PATH
LABEL pad.253=253
ARG PAD_254
# comment 255

EXPOSE 1257
VOLUME /pad/258
ENV PAD_259=$PATH
LABEL pad.260=260
ARG PAD_261
# comment 262

EXPOSE 1264
VOLUME /pad/265
ENV PAD_266=$PATH
LABEL pad.267=267
ARG PAD_268
# comment 269

EXPOSE 1271
VOLUME /pad/272
ENV PAD_273=$PATH
LABEL pad.274=274
ARG PAD_275
# comment 276

EXPOSE 1278
VOLUME /pad/279
ENV PAD_280=$PATH
LABEL pad.281=281
ARG PAD_282
# comment 283

EXPOSE 1285
VOLUME /pad/286
ENV PAD_287=$PATH
LABEL pad.288=288
ARG PAD_289
# comment 290

EXPOSE 1292
VOLUME /pad/293
ENV PAD_294=$PATH
LABEL pad.295=295
ARG PAD_296
# comment 297

EXPOSE 1299
